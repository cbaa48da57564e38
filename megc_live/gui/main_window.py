"""The window: four workspaces, one at a time, and what they share."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QByteArray, QSize, Qt
from PyQt6.QtGui import QAction, QActionGroup, QCloseEvent
from PyQt6.QtWidgets import (
    QMainWindow,
    QMenu,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from megc_live.errors import MegcError
from megc_live.gui import theme
from megc_live.gui.about import AboutDialog
from megc_live.gui.banner import Banner
from megc_live.gui.cameras import ListCameras
from megc_live.gui.closing import AskBeforeClosing, ask_to_end_session
from megc_live.gui.consent import TOO_LATE, UNPLUGGED, has_lapsed
from megc_live.gui.cut_off import CutOff
from megc_live.gui.drops import FileDrops
from megc_live.gui.live.request import without_labels
from megc_live.gui.live.view import LiveView
from megc_live.gui.opening import Kind, kind_of, results_of
from megc_live.gui.preferences import Places, Preferences, save_settings
from megc_live.gui.process.view import ProcessView
from megc_live.gui.recent import Recent
from megc_live.gui.review.memory import Memory
from megc_live.gui.review.view import ReviewView
from megc_live.gui.settings_dialog import SettingsDialog
from megc_live.gui.shortcuts import ShortcutSheet, make_action
from megc_live.gui.start_demo import DemoClip
from megc_live.gui.start_page import OpenSource, StartPage
from megc_live.gui.wheel import WheelGuard
from megc_live.gui.window_parts import Header, purpose_label
from megc_live.settings import Settings
from megc_live.video import Source, open_source
from megc_live.video.camera import list_cameras

LEAST = QSize(1200, 640)
"""Size below which words would be cut; screens of 1280 x 720 have room for it and a bar of the desktop."""
CLOSE_WITHIN_S = 1.8
"""For everything that is to end when the window is closed, together."""
WORKSPACES = (
    ("Start", "start", "Choose a camera, a stream or files"),
    ("Live", "live", "Watch a face and see micro-expressions as they become certain"),
    ("Process", "process", "Analyse files and folders, one after the other"),
    ("Review", "review", "Correct, complete and export what was found"),
)
_COLUMNS = "Review/columns"
EVERYWHERE = Qt.ShortcutContext.WindowShortcut


class MainWindow(QMainWindow):
    """Start, Live, Process and Review.

    Parameters
    ----------
    places : Places
        Folders for settings, recent sources and the demo clip.
    preferences : Preferences
        What the window remembers.
    settings : Settings
        Of the analysis, to begin with.
    clip : DemoClip, optional
        Default: rendered into the cache when it is asked for.
    listing, opening : callable
        List the cameras; open a source.
    """

    def __init__(
        self,
        places: Places,
        preferences: Preferences,
        settings: Settings,
        *,
        clip: DemoClip | None = None,
        listing: ListCameras = list_cameras,
        opening: OpenSource = open_source,
    ) -> None:
        super().__init__()
        self.places, self.preferences, self.settings = places, preferences, settings
        self.recent = Recent(places.state)
        self._spotting_only = False
        self._closed = False
        self.setWindowTitle("megc-live")
        self.start = StartPage(
            preferences, self.recent, clip or DemoClip(places.cache), listing=listing, opening=opening
        )
        self.live = LiveView(self.live_settings)
        self.process = ProcessView(lambda: self.settings, results=lambda: self.preferences.results)
        self.review = ReviewView(lambda: self.settings, memory=Memory(places.config / "window.ini"))
        self._views: tuple[Any, ...] = (self.start, self.live, self.process, self.review)
        self.banner = Banner("Ctrl+Shift+D", home=lambda: self._views[self._stack.currentIndex()].setFocus())
        self._connect()
        self._make_actions()
        self._lay_out()
        WheelGuard(self)
        self._drops = FileDrops(self, self.open_paths)
        self._asking = AskBeforeClosing(self, self._running)
        self._restore()
        self.go_to(0)
        self._cut_off = CutOff(self.open_in_review, self)
        self._cut_off.told.connect(self.tell)
        self._cut_off.kept.connect(self._remember_results)
        self._cut_off.look(preferences.results)

    # what others call

    def live_settings(self) -> Settings:
        """Return the settings of a live session: without a classifier if that was chosen with the consent."""
        return without_labels(self.settings) if self._spotting_only else self.settings

    def go_to(self, number: int) -> None:
        """Show workspace ``number``: 0 Start, 1 Live, 2 Process, 3 Review."""
        self._stack.setCurrentIndex(number)
        self._tabs[number].setChecked(True)
        self._views[number].setFocus()

    def workspace(self) -> str:
        """Return the name of the workspace that is shown."""
        return WORKSPACES[self._stack.currentIndex()][0]

    def tell(self, message: str, words: str = "", do: Callable[[], object] | None = None) -> None:
        """Show a message that does not stop anything, until it is dismissed.

        Parameters
        ----------
        message : str
        words, do : str, callable
            A button beside it and what it does; empty and None: there is none.
        """
        self.banner.tell(message, words if do is not None else "", do=do or (lambda: None))

    def open_source(self, spec: str) -> None:
        """Open whatever it is where it belongs: Live, Process or Review."""
        kind = kind_of(spec)
        if kind in ("camera", "stream"):
            self.go_to(0)
            self.start.ask_live(spec)
        else:
            self.open_paths([Path(spec)])

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Open files and folders: the first folder of results in Review, everything else in Process."""
        meant = [results_of(path) or path for path in paths]
        kinds: list[tuple[Path, Kind]] = [(path, kind_of(str(path))) for path in meant]
        others = [str(path) for path, kind in kinds if kind != "results"]
        results = [path for path, kind in kinds if kind == "results"]
        if others:
            self.open_in_process(others)
        if results:
            self.open_in_review(results[0])
        if len(results) > 1:
            self.tell(f"Review shows one folder of results at a time; this is {str(results[0])!r}.")

    def open_in_process(self, specs: list[str]) -> None:
        """Put sources into the queue and show it."""
        for spec in specs:
            self._remember(spec, kind_of(spec))
        self.go_to(2)
        self.process.add(specs)

    def open_in_review(self, folder: Path) -> None:
        """Show a folder of results."""
        self.review.open(folder)
        self.go_to(3)

    def open_live(self, spec: str, make: Callable[[], Source], consent: dict[str, Any]) -> None:
        """Begin a live session; one that runs is ended first, if the user says so."""
        if not self.live.is_running():
            self._begin_live(spec, make, consent)
            return

        def end_it() -> None:
            if not has_lapsed(consent):
                self._begin_live(spec, make, consent)
                return
            lapse(TOO_LATE)
            self.start.ask_live(spec)

        def lapse(why: str = UNPLUGGED) -> None:
            self.tell(f"Consent is asked for again: {why}.")
            self.go_to(0)

        ask_to_end_session(self, spec, end_it, self.start.camera.gone, lapse)

    # live sessions

    def _begin_live(self, spec: str, make: Callable[[], Source], consent: dict[str, Any]) -> None:
        self._spotting_only = bool(consent.get("spotting_only"))
        self._remember(spec, kind_of(spec))
        self.go_to(1)
        self.live.start(spec, make, consent=consent, folder=self.preferences.results)

    def _choose_source(self, spec: str) -> None:
        """Begin another session with the source of the last one, or let the user choose one."""
        if spec:
            self.start.ask_live(spec, again=self.live.kept_nothing())
        else:
            self.go_to(0)

    def _remember(self, spec: str, kind: Kind) -> None:
        self.recent.add(spec, kind)
        self.start.show_recent()

    def _remember_results(self, folder: Path) -> None:
        self._remember(str(folder), "results")

    # dialogs

    def show_shortcuts(self) -> None:
        """Open the sheet of all keys."""
        groups = {"Everywhere": self._everywhere}
        for (name, _, _), view in zip(WORKSPACES, self._views, strict=True):
            groups[name] = list(view.actions())
        self._open_dialog(ShortcutSheet(groups, self))

    def show_settings(self) -> None:
        """Open the settings of the analysis."""
        dialog = SettingsDialog(self.settings, self)
        dialog.saved.connect(self._use_settings)
        self._open_dialog(dialog)

    def show_about(self) -> None:
        """Open versions, licences and the notice."""
        self._open_dialog(AboutDialog(self))

    def _open_dialog(self, dialog: Any) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _use_settings(self, settings: Settings) -> None:
        self.settings = settings
        try:
            save_settings(self.places, settings)
        except MegcError as error:
            self.tell(f"The settings hold until the window is closed only: {error}")

    def _use_theme(self, mode: theme.Mode) -> None:
        self.preferences.theme = mode
        theme.apply(mode)

    def _toggle_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    # closing

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """End everything with the window."""
        self.end()
        super().closeEvent(event)

    def end(self) -> None:
        """End everything; what hangs is left behind after a limit, and what was found is kept."""
        if self._closed:
            return
        self._closed = True
        self._keep()
        self.hide()  # whatever takes its time now, the user is done
        limit = time.monotonic() + CLOSE_WITHIN_S
        self.live.stop()  # it writes its results while the others end
        for view in (self.live, self.process, self.review, self.start):
            view.shutdown(max(0.05, limit - time.monotonic()))

    def _take_offer(self) -> None:
        if self.banner.button.isVisible():
            self.banner.press()
        elif self.review.isVisible():
            self.review.banner.press()

    def _dismiss_messages(self) -> None:
        self.banner.leave()
        if self.review.isVisible():
            self.review.banner.leave()

    def _running(self) -> str:
        """Return what closing the window would stop."""
        said = () if self._closed else (self.live.question(), self.process.question(), self.review.question())
        return " ".join(filter(None, said))

    def _keep(self) -> None:
        self.preferences.keep_state("window", self.saveGeometry())
        for name, splitter in self._splitters():
            self.preferences.keep_state(name, splitter.saveState())
        head = self.review.work.list.head
        self.preferences.keep_state(_COLUMNS, head.saveState())
        self.preferences.save()

    def _restore(self) -> None:
        self.setMinimumSize(LEAST)
        self.resize(QSize(1280, 720))
        if (geometry := self.preferences.state("window")) is not None:
            self.restoreGeometry(QByteArray(geometry))
        for name, splitter in self._splitters():
            if (state := self.preferences.state(name)) is not None:
                splitter.restoreState(state)
        if (state := self.preferences.state(_COLUMNS)) is not None:
            self.review.work.list.restore_columns(state)

    def _splitters(self) -> list[tuple[str, QSplitter]]:
        """Return each pane's divider with a name that is the same the next time."""
        named = []
        for (title, _, _), view in zip(WORKSPACES, self._views, strict=True):
            for number, splitter in enumerate(view.findChildren(QSplitter)):
                named.append((f"{title}/{splitter.objectName() or number}", splitter))
        return named

    # layout

    def _connect(self) -> None:
        self.start.live_wanted.connect(self.open_live)
        self.start.process_wanted.connect(self.open_in_process)
        self.start.review_wanted.connect(self.open_in_review)
        self.start.demo.told.connect(self.tell)
        self.live.opened_results.connect(self.open_in_review)
        self.live.kept.connect(self._remember_results)
        self.live.source_wanted.connect(self._choose_source)
        self.process.opened_results.connect(self.open_in_review)
        self.review.opened.connect(self._remember_results)

    def _make_actions(self) -> None:
        def add(text: str, keys: str | Sequence[str], slot: Callable[[], object], tip: str = "") -> QAction:
            return make_action(self, text, keys, slot, tip=tip, context=EVERYWHERE)

        self._go = [
            add(title, f"Ctrl+{number + 1}", lambda number=number: self.go_to(number), tip)  # type: ignore[misc]
            for number, (title, _, tip) in enumerate(WORKSPACES)
        ]
        self._settings = add("&Settings …", "Ctrl+,", self.show_settings, "Settings of the analysis")
        self._sheet = add("&Keyboard shortcuts", ["?", "F1"], self.show_shortcuts)
        self._about = add("&About, versions, licences", "Ctrl+F1", self.show_about)
        self._full = add("F&ull screen", "F11", self._toggle_full_screen)
        self._quit = add("&Quit", "Ctrl+Q", self.close, "End sessions, keep their results, close the window")
        self._menu_action = add("&Menu", "F10", lambda: self.header.menu_button.showMenu())
        self._offer = add("Do what the message offers", "Ctrl+Shift+G", self._take_offer)
        self._dismiss = add("Dismiss the message", "Ctrl+Shift+D", self._dismiss_messages)
        self._everywhere = [
            *self._go,
            self._settings,
            self._sheet,
            self._about,
            self._full,
            self._menu_action,
            self._offer,
            self._dismiss,
            self._quit,
        ]

    def _lay_out(self) -> None:
        self._stack = QStackedWidget()
        for view in self._views:
            self._stack.addWidget(view)
        middle = QWidget()
        layout = QVBoxLayout(middle)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.header = Header(WORKSPACES, self._go, (("settings", self._settings), ("help", self._sheet)))
        self.header.set_menu(self._menu(), self._menu_action.toolTip())
        self._tabs = self.header.tabs
        layout.addWidget(self.header)
        layout.addWidget(self.banner)
        layout.addWidget(self._stack, 1)
        layout.addWidget(purpose_label())
        self.setCentralWidget(middle)

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addActions(self.start.file_actions)
        menu.addSeparator()
        look = QMenu("&Theme", menu)
        choices = QActionGroup(look)
        names = {"system": "As the &system", "light": "&Light", "dark": "&Dark"}
        for mode in theme.MODES:
            choice = QAction(names[mode], choices)
            choice.setCheckable(True)
            choice.setChecked(mode == self.preferences.theme)
            choice.triggered.connect(lambda _checked=False, mode=mode: self._use_theme(mode))
            look.addAction(choice)
        menu.addMenu(look)
        menu.addActions([self._settings, self._full])
        menu.addSeparator()
        menu.addActions([self._sheet, self._about])
        menu.addSeparator()
        menu.addAction(self._quit)
        return menu
