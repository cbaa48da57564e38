"""Process: a queue of files and folders, with the options of `megc-live analyze`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt6.QtCore import Qt, QTimer, QUrl, pyqtSignal
from PyQt6.QtGui import QAction, QDesktopServices, QDragEnterEvent, QDropEvent, QGuiApplication, QShowEvent
from PyQt6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QScrollArea,
    QSplitter,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from megc_live.batch_items import ACTIVE, OVER, ItemView, QueueView
from megc_live.batch_queue import BatchQueue
from megc_live.gui import theme
from megc_live.gui.preferences import RESULTS_FOLDER
from megc_live.gui.process.buttons import ActionButton
from megc_live.gui.process.options import OptionsPanel
from megc_live.gui.process.table import QueueModel, QueueTable
from megc_live.gui.process.wording import bar_text, detail_html, failure_text, whole_text
from megc_live.gui.shortcuts import keys_of, make_action
from megc_live.jobs import VIDEO_SUFFIXES, is_live
from megc_live.settings import Settings

_POLL_MS = 200
_HINT = (
    "Drop videos, or folders of videos or of numbered images, here.\n"
    "Or add files with Ins and folders with Shift+Ins; then press Start."
)
_PAUSE_TIP = "Begin no further file, and hold those that run between two frames"
_PAUSE_ON_CLUSTER_TIP = (
    "Begin no further file. What runs on a cluster cannot be held: the pause waits for it to end."
)


class ProcessView(QWidget):
    """The queue, its options, and what is known of the selected file.

    Parameters
    ----------
    settings : callable
        The program's settings at this moment.
    results : callable, optional
        The folder for results that the window remembers, until another one is chosen here.
    queue : BatchQueue, optional
        Default: one that analyses with what is chosen in the panel.
    """

    opened_results = pyqtSignal(object)

    def __init__(
        self,
        settings: Callable[[], Settings],
        parent: QWidget | None = None,
        *,
        results: Callable[[], Path] | None = None,
        queue: BatchQueue | None = None,
    ) -> None:
        super().__init__(parent)
        self.panel = OptionsPanel(settings, results or (lambda: Path.home() / RESULTS_FOLDER))
        self.queue = queue or BatchQueue(self.panel.options())
        self._seen: QueueView = self.queue.snapshot()
        self._message = ""
        self._shown_detail = ""
        self.model = QueueModel(self)
        self.table = QueueTable(self.model)
        self.table.hint = _HINT
        self.detail = QTextBrowser()
        self.whole = QProgressBar()
        self.summary, self.note = QLabel(), QLabel()
        self._make_actions()
        self.failures = ActionButton(self.open_failures)
        self._lay_out()
        self.setAcceptDrops(True)
        self.panel.changed.connect(self._configure)
        chosen = self.table.selectionModel()
        if chosen is not None:
            chosen.selectionChanged.connect(lambda *_: self._show())
        self.table.doubleClicked.connect(lambda _index: self._open_results())
        theme.changed.connect(self._recolour)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._poll)
        self._timer.start(_POLL_MS)
        self._configure()
        self._show()

    # What the window asks for.

    def add(self, specs: Sequence[str]) -> None:
        """Add files and folders; folders are looked through in the background.

        Cameras and streams are refused: those are watched in Live, where consent is asked for.
        """
        live = [spec for spec in specs if is_live(spec)]
        files = [spec for spec in specs if not is_live(spec)]
        self._message = (
            f"{live[0]} is live: cameras and streams are watched and recorded under Live." if live else ""
        )
        if files:
            self.queue.add(files)
        self._poll()

    def actions(self) -> list[QAction]:
        """Return what can be done here, with its keys."""
        return list(self._actions)

    def is_running(self) -> bool:
        """Tell whether anything is being analysed or held."""
        return self.queue.is_running()

    def question(self) -> str:
        """Return what closing the window would stop, in a sentence; empty if nothing runs."""
        runs = sum(item.state in ACTIVE for item in self.queue.snapshot().items)
        if not runs:
            return ""
        what = "One file is" if runs == 1 else f"{runs} files are"
        return f"{what} being analysed."

    def shutdown(self, timeout_s: float = 1.5) -> bool:
        """Stop everything within that time; what runs keeps what it found, if it can be stopped by then."""
        self._timer.stop()
        return self.queue.close(timeout_s)

    # What the user does.

    def _make_actions(self) -> None:
        def act(text: str, keys: str, slot: Callable[[], object], tip: str) -> QAction:
            return make_action(self, text, keys, slot, tip=tip)

        self.add_files = act("Add files…", "Ins", self._choose_files, "Add videos to the queue")
        self.add_folder = act(
            "Add folder…", "Shift+Ins", self._choose_folder, "Add all videos in a folder, at any depth"
        )
        self.start = act("Start", "Ctrl+Return", self._start, "Analyse what waits, or go on after a pause")
        self.pause = act("Pause", "Ctrl+P", self._pause, _PAUSE_TIP)
        self.cancel = act(
            "Cancel", "Ctrl+K", self._on_selected(self.queue.cancel),
            "Cancel the selected files; what was found in them so far is kept",
        )  # fmt: skip
        self.cancel_all = act(
            "Cancel all", "Ctrl+Shift+K", self.queue.cancel,
            "Cancel every file that waits or runs; what was found so far is kept",
        )  # fmt: skip
        self.retry = act("Retry", "F5", self._retry, "Analyse the selected files again; else all that failed")
        self.remove = act(
            "Remove", "Del", self._on_selected(self.queue.remove),
            "Take the selected files out of the queue; their results stay",
        )  # fmt: skip
        self.clear = act(
            "Clear finished", "Shift+Del", self.queue.remove,
            "Take everything that is over out of the queue; the results stay",
        )  # fmt: skip
        self.up = act("Up", "Alt+Up", lambda: self._move(-1), "Analyse the selected files earlier")
        self.down = act("Down", "Alt+Down", lambda: self._move(1), "Analyse the selected files later")
        self.review = make_action(
            self.table, "Open in Review", ["Return", "Enter"], self._open_results,
            tip="Look at the selected file's intervals and correct them; double click does the same",
        )  # fmt: skip
        self.folder = act(
            "Show folder", "Ctrl+E", self._show_folder, "Open the folder of the selected file's results"
        )
        self.copy = act(
            "Copy the failure", "Ctrl+C", self._copy_failures,
            "Copy what went wrong with the selected files that failed, whole",
        )  # fmt: skip
        self.open_failures = make_action(
            self, "Open failures.csv", "Ctrl+Shift+E", self._open_failures,
            tip="Open the table of what failed and why",
        )  # fmt: skip
        self._actions = [
            self.add_files, self.add_folder, self.start, self.pause, self.cancel, self.cancel_all, self.retry,
            self.remove, self.clear, self.up, self.down, self.review, self.folder,
            self.copy, self.open_failures,
        ]  # fmt: skip
        for action in (self.review, self.folder, self.copy, self.cancel, self.retry, self.up, self.down,
                       self.remove, self.clear):  # fmt: skip
            self.table.addAction(action)

    def _pause(self) -> None:
        if self._seen.state == "paused":
            self._start()
        else:
            self.queue.pause()

    def _on_selected(self, do: Callable[[list[int]], None]) -> Callable[[], None]:
        def slot() -> None:
            do(self.table.selected_ids())
            self._poll()

        return slot

    def _choose_files(self) -> None:
        kinds = " ".join(f"*{suffix}" for suffix in VIDEO_SUFFIXES)
        names, _ = QFileDialog.getOpenFileNames(self, "Add videos", "", f"Videos ({kinds});;All files (*)")
        if names:
            self.add(names)

    def _choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Add a folder of videos or of numbered images")
        if name:
            self.add([name])

    def _start(self) -> None:
        self._message = self.panel.problem()
        if not self._message:
            self._configure()
            self.queue.start()
        self._poll()

    def _retry(self) -> None:
        self.queue.retry(self.table.selected_ids() or None)
        if self._seen.state == "idle":
            self._start()
        else:
            self._poll()

    def _move(self, by: int) -> None:
        self.queue.move(self.table.selected_ids(), by)
        self._poll()

    def _open_results(self) -> None:
        if (item := self._current()) is not None and item.folder is not None:
            self.opened_results.emit(item.folder)

    def _show_folder(self) -> None:
        if (item := self._current()) is not None and item.folder is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(item.folder)))

    def _open_failures(self) -> None:
        if self._seen.failures is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._seen.failures)))

    def _copy_failures(self) -> None:
        chosen = set(self.table.selected_ids())
        failed = [item for item in self._seen.items if item.id in chosen and item.state == "failed"]
        board = QGuiApplication.clipboard()
        if failed and board is not None:
            board.setText("\n\n".join(failure_text(item) for item in failed))

    def _configure(self) -> None:
        self.queue.configure(self.panel.options())

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take files and folders of this computer."""
        data = event.mimeData() if event is not None else None
        if event is not None and data is not None and any(url.isLocalFile() for url in data.urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Add what was dropped."""
        data = event.mimeData() if event is not None else None
        if event is not None and data is not None:
            event.acceptProposedAction()
            self.add([url.toLocalFile() for url in data.urls() if url.isLocalFile()])

    # What is shown: the newest state of the queue, pulled by a timer.

    def showEvent(self, event: QShowEvent | None) -> None:
        """Settings may have changed while another workspace was shown."""
        super().showEvent(event)
        self.panel.follow_settings()
        self.panel.refresh()
        self._configure()

    def _poll(self) -> None:
        self.panel.poll()
        self._seen = self.queue.snapshot()
        chosen = self.table.selected_ids()
        if self.model.show(self._seen.items):
            self.table.select_ids(chosen)
        self._show()

    def _current(self) -> ItemView | None:
        chosen = self.table.selected_ids()
        return next((item for item in self._seen.items if item.id == chosen[0]), None) if chosen else None

    def _show(self) -> None:
        seen, current = self._seen, self._current()
        self._enable(seen, current)
        self.summary.setText(
            "Looking through folders…" if seen.looking and not seen.items else whole_text(seen)
        )
        self.whole.setValue(round(1000 * seen.fraction))
        self.whole.setFormat(bar_text(seen))
        note = self._message or seen.message
        self.note.setText(note)
        self.note.setToolTip(note)
        self.note.setVisible(bool(note))
        self.open_failures.setEnabled(seen.failures is not None)
        self.failures.setVisible(seen.failures is not None)
        if seen.failures is not None:
            tip = f"Open the table of what failed and why, {seen.failures}"
            self.open_failures.setToolTip(f"{tip} ({keys_of(self.open_failures)})")
        names = ("bad", "warn", "soft")
        text = detail_html(current, {name: theme.colour(name).name() for name in names})
        if text != self._shown_detail:
            self._shown_detail = text
            self.detail.setHtml(text)

    def _enable(self, seen: QueueView, current: ItemView | None) -> None:
        chosen = set(self.table.selected_ids())
        states = [item.state for item in seen.items if item.id in chosen]
        running = seen.state == "running"
        waits = bool(seen.counts.get("waiting") or seen.counts.get("paused"))
        self.start.setEnabled(waits and not running)
        self.start.setText("Go on" if seen.state == "paused" else "Start")
        self.pause.setEnabled(running or seen.state == "paused")
        self.pause.setText("Paused" if seen.state == "paused" else "Pause")
        tip = _PAUSE_TIP if seen.holds else _PAUSE_ON_CLUSTER_TIP
        self.pause.setToolTip(f"{'Go on where it was held' if seen.state == 'paused' else tip} (Ctrl+P)")
        self.cancel.setEnabled(any(state not in OVER for state in states))
        self.cancel_all.setEnabled(any(item.state not in OVER for item in seen.items))
        self.retry.setEnabled(
            any(state in OVER for state in states) or (not states and bool(seen.counts.get("failed")))
        )
        self.remove.setEnabled(any(state not in ACTIVE for state in states))
        self.copy.setEnabled("failed" in states)
        self.clear.setEnabled(any(item.state in OVER for item in seen.items))
        for action in (self.up, self.down):
            action.setEnabled(bool(states) and len(seen.items) > 1)
        for action in (self.review, self.folder):
            action.setEnabled(current is not None and current.folder is not None)

    def _recolour(self) -> None:
        self._shown_detail = ""
        self._show()
        port = self.table.viewport()
        if port is not None:
            port.update()

    # How it is laid out.

    def _lay_out(self) -> None:
        bar = QHBoxLayout()
        for action in self._actions:
            if action in (self.clear, self.folder, self.copy, self.open_failures):
                continue  # in the table's menu, or at the foot
            if action in (self.start, self.cancel, self.retry, self.review):
                bar.addSpacing(8)
            bar.addWidget(ActionButton(action, primary=action is self.start))
        bar.addStretch(1)

        self.detail.setOpenLinks(False)
        self.detail.setToolTip("What is known of the selected file: counts, warnings, errors")
        self.detail.setAccessibleName("Details of the selected file")
        self.detail.setTabChangesFocus(True)
        self._down = QSplitter(Qt.Orientation.Vertical)
        self._down.setObjectName("process down")
        self._down.addWidget(self.table)
        self._down.addWidget(self.detail)
        self._down.setStretchFactor(0, 3)
        self._down.setStretchFactor(1, 1)
        self._down.setCollapsible(0, False)
        area = QScrollArea()
        area.setWidget(self.panel)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setMinimumWidth(300)
        self._across = QSplitter(Qt.Orientation.Horizontal)
        self._across.setObjectName("process across")
        self._across.addWidget(self._down)
        self._across.addWidget(area)
        self._across.setStretchFactor(0, 1)
        self._across.setStretchFactor(1, 0)
        self._across.setCollapsible(0, False)
        self._across.setSizes([920, 320])
        self._down.setSizes([420, 130])

        self.whole.setRange(0, 1000)
        self.whole.setFixedWidth(260)
        self.whole.setToolTip("Share of everything that is done, weighed by the size of the files")
        self.whole.setAccessibleName("Progress of the whole queue")
        self.note.setProperty("role", "warn")
        self.note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.note.setWordWrap(True)
        foot = QHBoxLayout()
        foot.addWidget(self.whole)
        foot.addWidget(self.summary)
        foot.addStretch(1)
        foot.addWidget(self.failures)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addLayout(bar)
        layout.addWidget(self._across, 1)
        layout.addWidget(self.note)
        layout.addLayout(foot)
