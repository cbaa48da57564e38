"""Start: choose what to look at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QAction, QHideEvent, QShowEvent
from PyQt6.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QWidget,
)

from megc_live.gui import icons
from megc_live.gui.cameras import ListCameras
from megc_live.gui.consent import ConsentGate
from megc_live.gui.preferences import Preferences
from megc_live.gui.preview import wait_then_open
from megc_live.gui.recent import Recent, RecentItem
from megc_live.gui.shortcuts import make_action
from megc_live.gui.start_camera import CameraCard
from megc_live.gui.start_demo import DemoCard, DemoClip
from megc_live.gui.start_parts import Card, button, button_of, label, row
from megc_live.jobs import VIDEO_SUFFIXES
from megc_live.video import LivePlayer, Source, open_source
from megc_live.video.camera import list_cameras
from megc_live.video.sources import STREAM_SCHEMES

OpenSource = Callable[[str], Source]
VIDEOS = f"Videos ({' '.join('*' + suffix for suffix in VIDEO_SUFFIXES)});;All files (*)"
_ICON_OF = {"camera": "camera", "stream": "stream", "file": "file", "folder": "folder", "results": "review"}


class StartPage(QWidget):
    """Cameras with a preview, files, folders, streams, the demo clip, and what was opened last.

    It asks for consent where that is needed, and says what is wanted; it opens nothing but the preview.

    Parameters
    ----------
    preferences : Preferences
        Where the results go, and the purpose of the last session.
    recent : Recent
        What was opened last.
    clip : DemoClip
        The demo clip.
    listing, opening : callable
        List the cameras; open a source.
    parent : QWidget, optional
        The window.
    """

    live_wanted = pyqtSignal(str, object, object)
    """What it is, a callable that opens it (in any thread), the record of consent."""
    process_wanted = pyqtSignal(list)
    review_wanted = pyqtSignal(object)

    def __init__(
        self,
        preferences: Preferences,
        recent: Recent,
        clip: DemoClip,
        *,
        listing: ListCameras = list_cameras,
        opening: OpenSource = open_source,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._preferences, self._recent, self._opening = preferences, recent, opening

        def keep_purpose(text: str) -> None:
            preferences.purpose = text

        self._gate = ConsentGate(
            self, lambda: preferences.purpose, keep_purpose, lambda spec: Path(spec) == clip.path
        )
        self.camera = CameraCard(self, self._gate, listing, opening)
        self.camera.start_wanted.connect(lambda spec: self.ask_live(spec))
        self.demo = DemoCard(clip, self)
        self.demo.live_wanted.connect(lambda spec: self.ask_live(spec))
        self.demo.process_wanted.connect(self.process_wanted)
        self._make_actions()
        self._lay_out()
        self.show_recent()
        self.show_results()

    def actions(self) -> list[QAction]:
        """Return what the keyboard can do here."""
        return list(self._keys)

    def ask_live(self, spec: str, *, again: bool = False) -> None:
        """Have a source opened live, after consent: a camera, an address, a file as if it were live.

        Parameters
        ----------
        spec : str
        again : bool
            It did not open the last time: what was written into the form then stands there again.
        """
        self._gate.ask(spec, lambda consent: self._go_live(spec, consent), again=again)

    def show_recent(self) -> None:
        """Show what was opened last, as it is now."""
        self.recent_list.clear()
        for item in self._recent.items:
            line = QListWidgetItem(icons.icon(_ICON_OF[item.kind]), item.spec)
            line.setData(Qt.ItemDataRole.UserRole, item)
            line.setToolTip(f"{item.spec}\nEnter opens it, Delete takes it off the list")
            self.recent_list.addItem(line)
        self._no_recent.setVisible(not self._recent.items)
        self.recent_list.setVisible(bool(self._recent.items))
        self._forget.setEnabled(bool(self._recent.items))

    def show_results(self) -> None:
        """Show where the results go."""
        self.results.setText(str(self._preferences.results))
        self.results.setToolTip(f"Each session and each file gets a folder below {self._preferences.results}")

    def shutdown(self, timeout_s: float = 0.3) -> None:
        """Let go of the camera; one that hangs is left behind after ``timeout_s`` seconds."""
        closing = self.camera.stop_preview()
        self.demo.shutdown(timeout_s / 2)
        if closing is not None:
            closing.wait_closed(timeout_s / 2)

    def showEvent(self, event: QShowEvent | None) -> None:
        """List the cameras when the page is shown."""
        self.camera.cameras.refresh()
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent | None) -> None:
        """No camera is on that nobody sees."""
        self.camera.end_preview("this page was left")
        super().hideEvent(event)

    def _go_live(self, spec: str, consent: dict[str, Any]) -> None:
        self._gate.use_up(spec)
        self.camera.lapsed.hide()
        before = self.camera.stop_preview()
        as_if_live = not spec.startswith("camera:") and "://" not in spec
        opening = self._opening

        def make() -> Source:
            source = opening(spec)
            return LivePlayer(source) if as_if_live else source

        self.live_wanted.emit(spec, wait_then_open(before, make), consent)

    def choose_files(self) -> None:
        """Let the user choose videos for Process."""
        found, _ = QFileDialog.getOpenFileNames(self, "Videos to analyse", "", VIDEOS)
        if found:
            self.process_wanted.emit(found)

    def choose_folder(self) -> None:
        """Let the user choose a folder of videos or of numbered images for Process."""
        if found := QFileDialog.getExistingDirectory(self, "Folder of videos or of numbered images"):
            self.process_wanted.emit([found])

    def choose_live_file(self) -> None:
        """Let the user choose a video to be replayed as if it were live."""
        found, _ = QFileDialog.getOpenFileName(self, "Video to watch as if it were live", "", VIDEOS)
        if found:
            self.ask_live(found)

    def choose_results(self) -> None:
        """Let the user choose a folder of results for Review."""
        start = str(self._preferences.results)
        if found := QFileDialog.getExistingDirectory(self, "Folder of results to review", start):
            self.review_wanted.emit(Path(found))

    def choose_results_folder(self) -> None:
        """Let the user choose where results go from now on."""
        start = str(self._preferences.results)
        if found := QFileDialog.getExistingDirectory(self, "Where results go", start):
            self._preferences.results = Path(found)
            self.show_results()

    def _open_address(self) -> None:
        address = self.address.text().strip()
        scheme, mark, rest = address.partition("://")
        if not mark or not rest or scheme.lower() not in STREAM_SCHEMES:
            known = ", ".join(f"{name}://" for name in STREAM_SCHEMES)
            self.address_problem.setText(f"“{address}” is no address: it starts with one of {known}.")
            self.address_problem.show()
            self.address.setFocus()
            return
        self.address_problem.hide()
        self.ask_live(address)

    def _open_recent(self, line: QListWidgetItem) -> None:
        item: RecentItem = line.data(Qt.ItemDataRole.UserRole)
        if item.kind in ("camera", "stream"):
            self.ask_live(item.spec)
        elif item.kind == "results":
            self.review_wanted.emit(Path(item.spec))
        else:
            self.process_wanted.emit([item.spec])

    def _forget_one(self) -> None:
        line = self.recent_list.currentItem()
        if line is not None:
            self._recent.remove(line.data(Qt.ItemDataRole.UserRole))
            self.show_recent()

    def _forget_all(self) -> None:
        self._recent.clear()
        self.show_recent()

    def _make_actions(self) -> None:
        self._videos = make_action(
            self, "Analyse &videos …", "Ctrl+O", self.choose_files, tip="Analyse video files in Process"
        )
        self._folder = make_action(
            self,
            "Analyse a &folder …",
            "Ctrl+Shift+O",
            self.choose_folder,
            tip="Analyse a folder of videos or of numbered images in Process",
        )
        self._as_live = make_action(
            self,
            "Watch a video as if &live …",
            "Ctrl+L",
            self.choose_live_file,
            tip="Replay a video at its own pace in Live",
        )
        self._results = make_action(
            self, "&Review results …", "Ctrl+R", self.choose_results, tip="Open a folder of results in Review"
        )
        self._change = make_action(
            self, "Where results &go …", "Ctrl+Shift+R", self.choose_results_folder, tip="Choose the folder"
        )
        self.file_actions = [self._videos, self._folder, self._as_live, self._results, self._change]
        for action in self.file_actions:  # the menu offers them everywhere, but their keys work here only
            action.setShortcutVisibleInContextMenu(False)
        self._keys: list[QAction] = [*self.camera.keys, *self.file_actions, *self.demo.keys]

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(16, 12, 16, 12)
        grid.setSpacing(12)
        grid.addWidget(self.camera, 0, 0, 3, 1)
        grid.addWidget(self._recorded_card(), 0, 1)
        grid.addWidget(self.demo, 1, 1)
        grid.addWidget(self._recent_card(), 2, 1)
        grid.addLayout(self._results_line(), 3, 0, 1, 2)
        grid.setColumnStretch(0, 5)
        grid.setColumnStretch(1, 6)
        grid.setRowStretch(2, 1)

    def _recorded_card(self) -> Card:
        buttons = [
            button(text, icon, action.trigger, action.toolTip())
            for text, icon, action in (
                ("&Videos …", "file", self._videos),
                ("&Folder …", "folder", self._folder),
                ("&As if live …", "play", self._as_live),
                ("&Results …", "review", self._results),
            )
        ]
        self.address = QLineEdit()
        self.address.setPlaceholderText("Address of a stream: rtsp://… or http://…")
        self.address.setToolTip("Address of a network camera or stream; Enter opens it in Live")
        self.address.returnPressed.connect(self._open_address)
        self.address_problem = label("", "bad")
        self.address_problem.hide()
        connect = button("&Connect", "stream", self._open_address, "Open the stream in Live (Enter)")
        card = Card("Video, folder or stream", "Or drop files and folders anywhere in this window.")
        card.inside.addLayout(row(*buttons))
        card.inside.addLayout(row(self.address, connect, stretch=0))
        card.inside.addWidget(self.address_problem)
        return card

    def _recent_card(self) -> Card:
        self.recent_list = QListWidget()
        self.recent_list.setMinimumHeight(60)
        self.recent_list.setAccessibleName("Recent sources and results")
        self.recent_list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.recent_list.itemActivated.connect(self._open_recent)
        here = Qt.ShortcutContext.WidgetShortcut
        off = make_action(
            self.recent_list, "Take off the list of recent", "Del", self._forget_one, context=here
        )
        tip = "Empty the list of recent; no file is deleted"
        self._forget = make_action(self, "Forget all", "Ctrl+Shift+Del", self._forget_all, tip=tip)
        self._keys += [off, self._forget]
        self._no_recent = label("Nothing yet.", "soft")
        self._no_recent.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.forget = button_of(self._forget, "reject")
        card = Card("Recent", "", self.forget)
        card.inside.addWidget(self._no_recent)
        card.inside.addWidget(self.recent_list, 1)
        return card

    def _results_line(self) -> QHBoxLayout:
        self.results = QLabel()
        self.results.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.results.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        title = label("Results go to:", "heading")
        title.setWordWrap(False)
        change = button("Chan&ge …", "folder", self._change.trigger, self._change.toolTip())
        return row(title, self.results, change, stretch=1)
