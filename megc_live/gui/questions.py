"""Questions whose safe answer is the default."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtWidgets import QMessageBox, QWidget


def ask(
    window: QWidget, title: str, text: str, do: str, leave: str, answered: Callable[[bool], object]
) -> QMessageBox:
    """Ask whether something is to be done; returns at once, with the question that is shown.

    Parameters
    ----------
    window : QWidget
        Above which it is asked.
    title, text : str
    do, leave : str
        What the buttons say; Enter and Esc press the second one.
    answered : callable
        Told whether it is to be done.
    """
    box = QMessageBox(window)
    box.setWindowTitle(title)
    box.setText(text)
    yes = box.addButton(do, QMessageBox.ButtonRole.AcceptRole)
    no = box.addButton(leave, QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(no)
    box.setEscapeButton(no)

    def over() -> None:
        box.deleteLater()
        answered(box.clickedButton() is yes)

    box.finished.connect(over)
    box.open()
    return box
