"""A message above the work that stops nothing, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from megc_live.gui import icons, theme

Offer = tuple[str, str, Callable[[], object]]
"""What a button says, its tooltip, what it does."""


@dataclass(frozen=True)
class _Message:
    """A text and what is offered with it: nothing, one thing or two."""

    text: str
    offers: tuple[Offer, ...] = ()

    def without(self, do: Callable[[], object]) -> _Message:
        return replace(self, offers=tuple(offer for offer in self.offers if offer[2] != do))

    def stands_for(self, other: _Message) -> bool:
        """Whether a message that waits is of no more use once this is shown: it says or offers the same."""
        if (self.text, [words for words, *_ in self.offers]) == (other.text, [w for w, *_ in other.offers]):
            return True
        mine = [do for *_, do in self.offers]
        return bool(mine) and all(do in mine for *_, do in other.offers)


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
    home : callable, optional
        Gives the keyboard back to the work when it was here; default: the widget around it gets it.

    Attributes
    ----------
    text : QLabel
    button : QPushButton
        What can be done about it; hidden where there is nothing.
    second : QPushButton
        What can be done besides; hidden where there is nothing.
    """

    def __init__(
        self,
        key: str,
        *,
        stays: bool = False,
        home: Callable[[], object] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("role", "banner")
        self._key, self._stays, self._home = key, stays, home
        self._shown: _Message | None = None
        self._left: _Message | None = None
        """What is shown, with what of its offers was not taken yet; None: it is no offer, or was taken."""
        self._waiting: list[_Message] = []
        """Offers that newer messages have covered, the newest last."""
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        # a long word, of a file's name for example, is cut off; it must not make the window wider
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.button, self.second = QPushButton(), QPushButton()
        for place, button in enumerate((self.button, self.second)):
            button.setAutoDefault(True)
            button.clicked.connect(lambda _on=False, place=place: self._take(place))
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
        offers = ((button, tip, do),) if button else ()
        message = _Message(text, offers if also is None else (*offers, also))
        if self._left is not None:
            self._waiting.append(self._left)
        self._waiting = [waits for waits in self._waiting if not message.stands_for(waits)]
        self._show(message)

    def withdraw(self, do: Callable[[], object]) -> None:
        """Offer something no more: it was done in another way. What is shown stays to be read."""
        self._waiting = [waits.without(do) for waits in self._waiting]
        self._waiting = [waits for waits in self._waiting if waits.offers]
        if self._shown is None:
            return
        rest = self._shown.without(do)
        if rest != self._shown:
            self._show(rest)
        else:
            self._name_dismiss()

    def press(self) -> None:
        """Do what the button does, if there is one."""
        if self.button.isVisible():
            self.button.click()

    def leave(self) -> None:
        """Hide what is shown; the keyboard, if it was here, goes back to the work."""
        if self._waiting:
            self._show(self._waiting.pop())
            return
        now = QApplication.focusWidget()
        here = now is not None and self.isAncestorOf(now)
        self.hide()
        if not here:
            return
        if self._home is not None:
            self._home()
        elif (parent := self.parentWidget()) is not None:
            parent.setFocus(Qt.FocusReason.OtherFocusReason)

    def hide(self) -> None:
        """Hide it with all offers: what they were about is over."""
        self._shown, self._left, self._waiting = None, None, []
        super().hide()

    def _show(self, message: _Message) -> None:
        self._shown, self._left = message, message if message.offers else None
        self.text.setText(message.text)
        self.text.setToolTip(message.text)
        keys = (" (Ctrl+Shift+G)", "")
        for place, button in enumerate((self.button, self.second)):
            words, tip, _ = message.offers[place] if place < len(message.offers) else ("", "", None)
            button.setText(words)
            button.setToolTip(f"{tip or words}{keys[place]}")
            button.setVisible(bool(words))
        self._name_dismiss()
        self.show()

    def _name_dismiss(self) -> None:
        more = len(self._waiting)
        self.dismiss.setText(f"Dismiss, {more} more" if more else "Dismiss")
        before = "; the one before comes back" if more else ""
        self.dismiss.setToolTip(f"Hide this message{before} ({self._key})")

    def _take(self, place: int) -> None:
        if self._shown is None or place >= len(self._shown.offers):
            return
        *_, do = self._shown.offers[place]
        if self._stays:  # it may be cancelled, and the other offer was not taken
            rest = self._left.without(do) if self._left is not None else None
            self._left = rest if rest is not None and rest.offers else None
        else:
            self._left = None
            self.leave()
        do()

    def _recolour(self) -> None:
        self._sign.setPixmap(icons.icon("warning", "warn").pixmap(20, 20))
