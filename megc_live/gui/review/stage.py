"""The stage: video, marks side by side, magnified replay, flow picture, agreement; one is shown at a time."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from megc_live.events import Pictures
from megc_live.gui.review.agreeing import AgreementPage
from megc_live.gui.review.looks import Clip, Flow, Looks, What
from megc_live.gui.review.moments import COMPUTING, FacesPage, FlowPage, MagnifiedPage
from megc_live.gui.review.opening import Opened
from megc_live.gui.review.player import Player
from megc_live.gui.shortcuts import make_action
from megc_live.output.reviewed import ReviewInterval
from megc_live.review import SetRecognition

POLL_MS = 30
VIDEO, FACES, MAGNIFIED, FLOW, AGREEMENT = range(5)
_NEEDS: dict[int, What] = {FACES: "faces", MAGNIFIED: "clip", FLOW: "flow"}
_NOTHING = "Select one interval"


class Stage(QWidget):
    """Tabs above the player's controls. Pictures are computed when their page is looked at."""

    def __init__(self, player: Player, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.player = player
        self.looks = Looks()
        self.faces = FacesPage()
        self.large = MagnifiedPage()
        self.flow = FlowPage()
        self.agreement = AgreementPage()
        self._item: ReviewInterval | None = None
        self._can_edit = False
        self._before_drag: int | None = None
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        pages = (
            (player.picture, "Video", "The frame of the video (F2)"),
            (self.faces, "Onset · apex · offset", "The aligned faces side by side (F3)"),
            (self.large, "Magnified", "The replay with its movement enlarged (F4)"),
            (self.flow, "Flow", "The picture that the classifier sees (F5)"),
            (self.agreement, "Agreement", "With the machine, or with a second reviewer (F6)"),
        )
        for k, (page, text, tip) in enumerate(pages):
            self.tabs.addTab(page, text)
            self.tabs.setTabToolTip(k, tip)
        self.actions_ = [
            make_action(self, f"Show {text.lower()}", f"F{k + 2}", self._shower(k))
            for k, (_, text, _) in enumerate(pages)
        ]
        self.actions_ += [
            make_action(self, "Magnify more", ["Ctrl++", "Ctrl+="], lambda: self.large.change_factor(1)),
            make_action(self, "Magnify less", "Ctrl+-", lambda: self.large.change_factor(-1)),
            make_action(self, "Second reviewer's file …", "Ctrl+F6", self._second_reviewer),
            make_action(self, "Take the classifier's answer over", "T", self.flow.take_over),
        ]
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(player)
        self.tabs.currentChanged.connect(self._look)
        self.large.factor_changed.connect(self._look)
        player.shown.connect(self.large.show_frame)
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._poll)

    @property
    def computing(self) -> bool:
        """Whether pictures are on their way."""
        return self.looks.wanted is not None

    def set_results(self, opened: Opened) -> None:
        """Look at another document, or at the same with another video."""
        self.looks.set_results(opened)
        self.flow.set_recorded(opened.document.recorded)
        self.agreement.set_document(opened.document)
        self._look()

    def set_interval(self, item: ReviewInterval | None, *, can_edit: bool) -> None:
        """Another interval is selected, or the same has changed; None: not exactly one."""
        self._item, self._can_edit = item, can_edit
        self._look()

    def dragging(self, held: bool) -> None:
        """While a mark is dragged the video is shown; then what was shown before."""
        if held and self._before_drag is None:
            self._before_drag = self.tabs.currentIndex()
            self.tabs.setCurrentIndex(VIDEO)
        elif not held and self._before_drag is not None:
            page, self._before_drag = self._before_drag, None
            self.tabs.setCurrentIndex(page)

    def recognition_edit(self, answer: object) -> SetRecognition | None:
        """Return the edit that takes an answer over."""
        flow = self.flow.flow
        if self._item is None or flow is None or flow.answer is None or answer is not flow.answer:
            return None
        return SetRecognition(self._item.id, flow.answer.label, flow.answer.probabilities)

    def shutdown(self, left_s: Callable[[], float]) -> bool:
        """End the computing; False if it hangs and was left behind. ``left_s``: seconds it may still take."""
        self._timer.stop()
        ended = self.looks.close(left_s() / 2)
        return self.agreement.shutdown(left_s() / 2) and ended

    def _second_reviewer(self) -> None:
        self.tabs.setCurrentIndex(AGREEMENT)
        self.agreement.choose()

    def _shower(self, page: int) -> Callable[[], None]:
        return lambda: self.tabs.setCurrentIndex(page)

    def _look(self) -> None:
        """Ask for what the page that is shown needs."""
        page, item = self.tabs.currentIndex(), self._item
        self.agreement.look(page == AGREEMENT)
        if page not in _NEEDS:
            self.looks.drop()
            return
        if item is None:
            self.looks.drop()
            self._tell(page, _NOTHING)
            return
        self.faces.show_interval(item)
        what = _NEEDS[page]
        known = self.looks.ask(what, item, self.large.factor)
        if known is not None:
            self._show(known)
            return
        if page != MAGNIFIED or self.large.clip is None or not self._same_clip(item):
            self._tell(page, COMPUTING)
        else:
            self.large.large.picture.show_text(COMPUTING)
        self._timer.start()

    def _same_clip(self, item: ReviewInterval) -> bool:
        clip = self.large.clip
        return clip is not None and item.record.apex_frame in clip.frames

    def _tell(self, page: int, text: str) -> None:
        if page == FACES:
            self.faces.show_text(text)
        elif page == MAGNIFIED:
            self.large.show_text(text)
        elif page == FLOW:
            self.flow.show_text(text)

    def _poll(self) -> None:
        came = self.looks.take()
        if came is not None:
            value, error = came
            if error:
                self._tell(self.tabs.currentIndex(), error)
            else:
                self._show(value)
        if not self.computing:
            self._timer.stop()

    def _show(self, value: object) -> None:
        if isinstance(value, Pictures):
            self.faces.show_pictures(value)
        elif isinstance(value, Clip):
            self.large.show_clip(value)
        elif isinstance(value, Flow) and self._item is not None:
            self.flow.show_flow(value, self._item, self._can_edit)
