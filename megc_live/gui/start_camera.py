"""The camera's card on the start page: choose one, look through it, start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QComboBox, QWidget

from megc_live.gui.cameras import CameraList, ListCameras
from megc_live.gui.consent import UNPLUGGED, ConsentGate
from megc_live.gui.preview import Preview, PreviewNow, PreviewPicture, measured_text, wait_then_open
from megc_live.gui.shortcuts import make_action
from megc_live.gui.start_parts import Card, button, button_of, label, row
from megc_live.video import Source
from megc_live.video.camera import CameraInfo

NO_CAMERA = (
    "No camera was found. Plug one in, or see whether this program may use it (on Linux: the group “video”). "
    "Without one, try the demo clip on the right."
)


class CameraCard(Card):
    """The cameras of this computer, and a preview of the chosen one after consent.

    The preview lasts as long as the consent that it was begun with: see :mod:`megc_live.gui.consent`.

    Parameters
    ----------
    keys : QWidget
        Where the keys work: the page.
    gate : ConsentGate
        Asks for consent.
    listing : callable
        Lists the cameras.
    opening : callable
        Opens ``camera:N``.
    """

    start_wanted = pyqtSignal(str)
    """``camera:N`` is to be analysed."""
    gone = pyqtSignal(str)
    """``camera:N`` was unplugged, or is another camera's number now."""

    def __init__(
        self, keys: QWidget, gate: ConsentGate, listing: ListCameras, opening: Callable[[str], Source]
    ) -> None:
        super().__init__("Camera", "A face in front of this computer, analysed as it moves.")
        self._gate, self._opening = gate, opening
        self._closing: Preview | None = None
        self._known: dict[str, CameraInfo] = {}
        gate.lapsed.connect(self._say_lapsed)
        self.cameras = CameraList(listing, self)
        self.cameras.listed.connect(self._show)
        self.cameras.watch()
        self._make_actions(keys)
        self._lay_out()
        self._can_be_used(False)

    def spec(self) -> str:
        """Return ``camera:N`` of the one that is chosen, ``""`` if there is none."""
        return str(self.picker.currentData() or "")

    def is_previewing(self) -> bool:
        """Return whether the preview is on."""
        preview = self.picture.preview
        return preview is not None and preview.now().state in ("opening", "running")

    def end_preview(self, why: str) -> None:
        """Switch the preview off for good: the next person is asked for consent anew.

        Parameters
        ----------
        why : str
            What has happened, as :meth:`~megc_live.gui.consent.ConsentGate.lapse` takes it.
        """
        self._gate.lapse(why)
        self.stop_preview()

    def stop_preview(self) -> Preview | None:
        """Switch the preview off; returns the one whose device may still be open, to be waited for."""
        if self.picture.preview is not None:
            self._closing = self.picture.preview
        self.picture.stop()
        self.measured.setText("")
        self._preview.setText("Pre&view")
        if self._closing is not None and self._closing.is_closed():
            self._closing = None
        return self._closing

    def _show(self, found: list[CameraInfo]) -> None:
        chosen = self.spec()
        self.picker.blockSignals(True)
        self.picker.clear()
        for camera in found:
            self.picker.addItem(f"{camera.name} (camera:{camera.index})", f"camera:{camera.index}")
        if not found:
            self.picker.addItem("No camera found", "")
        self.picker.setCurrentIndex(max(0, self.picker.findData(chosen)))
        self.picker.blockSignals(False)
        self.no_camera.setVisible(not found)
        self._can_be_used(bool(found))
        before, self._known = self._known, {f"camera:{camera.index}": camera for camera in found}
        for spec, camera in before.items():
            if self._known.get(spec) != camera:  # its number may be another camera's by now
                self._gate.lapse(UNPLUGGED, spec)
                self.gone.emit(spec)
        if self.spec() != chosen:
            self.end_preview("another source was chosen")

    def _can_be_used(self, able: bool) -> None:
        for part in (self.picker, self._preview, self._start):
            part.setEnabled(able)

    def _toggle_preview(self) -> None:
        if self.is_previewing():
            self.end_preview("the preview was stopped")
        elif spec := self.spec():
            self._gate.ask(spec, lambda consent: self._begin_preview(spec, consent))

    def _begin_preview(self, spec: str, consent: dict[str, Any]) -> None:
        self._gate.keep(spec, consent)
        self.lapsed.hide()
        if not self.isVisible():  # left while the form was open: no camera is on that nobody sees
            self._gate.lapse("this page was left")
            return
        before = self.stop_preview()
        self.picture.show_preview(Preview(wait_then_open(before, lambda: self._opening(spec))))
        self._preview.setText("Stop pre&view")

    def _tell(self, now: PreviewNow) -> None:
        self.measured.setText(measured_text(now))
        if now.state in ("ended", "failed"):
            self._preview.setText("Pre&view")
            self._gate.lapse(f"the preview {now.state}")

    def _say_lapsed(self, line: str) -> None:
        self.lapsed.setText(line)
        self.lapsed.show()
        if self.is_previewing():  # one that has failed goes on saying why
            self.stop_preview()

    def _make_actions(self, keys: QWidget) -> None:
        self._preview = make_action(
            keys,
            "Pre&view",
            "Ctrl+Shift+P",
            self._toggle_preview,
            tip="Look through the camera; asks for consent first",
        )
        self._start = make_action(
            keys,
            "Start &live session",
            ["Ctrl+Return", "Ctrl+Enter"],
            lambda: self.start_wanted.emit(self.spec()),
            tip="Ask for consent, then analyse the camera's pictures as they come",
        )
        self._list = make_action(keys, "List the cameras again", "F5", self.cameras.refresh)
        self.keys: list[QAction] = [self._preview, self._start, self._list]

    def _lay_out(self) -> None:
        self.picker = QComboBox()
        self.picker.setToolTip("Cameras that the system lists; none is opened to find out")
        self.picker.setAccessibleName("Camera")
        self.picker.addItem("Looking for cameras …", "")
        self.picker.currentIndexChanged.connect(lambda _index: self.end_preview("another source was chosen"))
        refresh = button("", "refresh", self.cameras.refresh, self._list.toolTip())
        refresh.setAccessibleName("List the cameras again")
        self.picture = PreviewPicture()
        self.picture.told.connect(self._tell)
        self.measured = label()
        self.measured.setToolTip("Size in pixels; rate in frames per second, measured over the last 2 s")
        self.lapsed = label("", "warn")
        self.lapsed.hide()
        self.preview_button = button_of(self._preview, "camera")
        self.start_button = button_of(self._start, "live", primary=True)
        self.no_camera = label(NO_CAMERA, "warn")
        self.no_camera.hide()
        self.inside.addLayout(row(self.picker, refresh, stretch=0))
        self.inside.addWidget(self.no_camera)
        self.inside.addWidget(self.picture, 1)
        self.inside.addWidget(self.measured)
        self.inside.addWidget(self.lapsed)
        self.inside.addLayout(row(self.preview_button, self.start_button))
