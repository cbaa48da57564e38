"""Dialogs, and the form of consent filled in as a user does."""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtWidgets import QApplication, QDialog, QWidget
from pytestqt.qtbot import QtBot

from megc_live.gui.consent import ConsentDialog

LEFT = Qt.MouseButton.LeftButton


def dialog_of(qtbot: QtBot, kind: type[QDialog]) -> Any:
    """Wait for a dialog of that kind and return it."""

    def shown() -> list[QWidget]:
        return [w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()]

    qtbot.waitUntil(lambda: bool(shown()))
    return shown()[0]


def no_dialog(kind: type[QDialog]) -> bool:
    return not any(isinstance(w, kind) and w.isVisible() for w in QApplication.topLevelWidgets())


def consent(qtbot: QtBot, *, labels: bool = False) -> None:
    """Fill the form in, as a user does, and accept it."""
    form: ConsentDialog = dialog_of(qtbot, ConsentDialog)
    assert not form.ok.isEnabled()
    qtbot.keyClicks(form.participant, "P07")
    form.purpose.clear()
    qtbot.keyClicks(form.purpose, "a test")
    for tick in form.ticks.values():
        assert not form.ok.isEnabled()
        qtbot.mouseClick(tick, LEFT, pos=QPoint(8, tick.height() // 2))
    if labels:
        form.labelled.click()
    assert form.ok.isEnabled()
    qtbot.mouseClick(form.ok, LEFT)
