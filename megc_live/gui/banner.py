"""A message above the work that stops nothing, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from megc_live.gui import icons, theme

Offer = tuple[str, str, Callable[[], object]]
"""What a button says, its tooltip, what it does."""


@dataclass(frozen=True)
class _Message:
    """A text and, unless ``button`` is empty, a button that does ``do``; ``tip`` is its tooltip."""

    text: str
    button: str = ""
    tip: str = ""
    do: Callable[[], object] = lambda: None
    also: Offer | None = None

    def stands_for(self, other: _Message) -> bool:
        """Whether an offer that waits is of no more use once this is shown: it says or does the same."""
        says = (self.text, self.button) == (other.text, other.button)
        return says or (bool(self.button) and self.do == other.do)


class Banner(QFrame):
    """Shows the newest message until it is dismissed or another one comes.

    An offer, which is a message with a button, is not lost to the next one: it comes back when that is
    dismissed or taken, until it is itself.

    Parameters
    ----------
    key : str
        Hides the message where it is shown; named in the tooltip.
    stays : bool
        What was offered stays to be seen when it is taken, until another message comes: it can be cancelled.

    Attributes
    ----------
    text : QLabel
    button : QPushButton
        What can be done about it; hidden where there is nothing.
    second : QPushButton
        What can be done besides; hidden where there is nothing.
    """

    def __init__(self, key: str, *, stays: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "banner")
        self._key, self._stays = key, stays
        self._shown: _Message | None = None
        self._open = False
        """Whether what is shown is an offer that was not taken yet."""
        self._waiting: list[_Message] = []
        """Offers that newer messages have covered, the newest last."""
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        # a long word, of a file's name for example, is cut off; it must not make the window wider
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.button, self.second = QPushButton(), QPushButton()
        for button in (self.button, self.second):
            button.setAutoDefault(True)
            button.clicked.connect(lambda _on=False, button=button: self._take(button))
        self.dismiss = QToolButton()
        self.dismiss.clicked.connect(self.leave)
        for widget in (self.button, self.second, self.dismiss):  # a click leaves the keyboard where it was
            widget.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._name_dismiss()
        self._sign = QLabel()
        theme.changed.connect(self._recolour)
        self._recolour()
        line = QHBoxLayout(self)
        line.setContentsMargins(12, 4, 12, 4)
        line.addWidget(self._sign)
        line.addWidget(self.text, 1)
        for widget in (self.button, self.second, self.dismiss):
            line.addWidget(widget)
        self.hide()

    def tell(
        self,
        text: str,
        button: str = "",
        tip: str = "",
        do: Callable[[], object] = lambda: None,
        *,
        also: Offer | None = None,
    ) -> None:
        """Show a message.

        Parameters
        ----------
        text : str
        button : str
            What the button says; empty: no button.
        tip : str
            Its tooltip.
        do : callable
            What it does.
        also : tuple, optional
            The same three of a second button.
        """
        message = _Message(text, button, tip, do, also)
        if self._shown is not None and self._open:
            self._waiting.append(self._shown)
        self._waiting = [offer for offer in self._waiting if not message.stands_for(offer)]
        self._show(message)

    def press(self) -> None:
        """Do what the button does, if there is one."""
        if self.button.isVisible():
            self.button.click()

    def leave(self) -> None:
        """Hide what is shown; the keyboard, if it was here, goes back to the work."""
        if self._waiting:
            self._show(self._waiting.pop())
            return
        here = self.isAncestorOf(self.focusWidget()) if self.focusWidget() is not None else False
        self.hide()
        if here and (parent := self.parentWidget()) is not None:
            parent.setFocus(Qt.FocusReason.OtherFocusReason)

    def hide(self) -> None:
        """Hide it with all offers: what they were about is over."""
        self._shown, self._open, self._waiting = None, False, []
        super().hide()

    def _show(self, message: _Message) -> None:
        self._shown, self._open = message, bool(message.button)
        self.text.setText(message.text)
        self.text.setToolTip(message.text)
        self.button.setText(message.button)
        self.button.setToolTip(f"{message.tip or message.button} (Ctrl+Shift+G)")
        self.button.setVisible(self._open)
        second, tip, _ = message.also or ("", "", None)
        self.second.setText(second)
        self.second.setToolTip(tip or second)
        self.second.setVisible(bool(second))
        self._name_dismiss()
        self.show()

    def _name_dismiss(self) -> None:
        more = len(self._waiting)
        self.dismiss.setText(f"Dismiss, {more} more" if more else "Dismiss")
        before = "; the one before comes back" if more else ""
        self.dismiss.setToolTip(f"Hide this message{before} ({self._key})")

    def _take(self, button: QPushButton) -> None:
        if self._shown is None:
            return
        also = self._shown.also
        do = also[2] if also is not None and button is self.second else self._shown.do
        self._open = False
        if not self._stays:
            self.leave()
        do()

    def _recolour(self) -> None:
        self._sign.setPixmap(icons.icon("warning", "warn").pixmap(20, 20))
