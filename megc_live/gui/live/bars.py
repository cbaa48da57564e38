"""The buttons of the Live workspace: above the picture what is done, below it what is shown."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QAction, QResizeEvent
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from megc_live.gui import theme
from megc_live.gui.live.commands import Commands


def button(action: QAction) -> QToolButton:
    """Return a button that does what the action does, reachable with Tab."""
    made = QToolButton()
    made.setDefaultAction(action)
    beside = Qt.ToolButtonStyle.ToolButtonTextBesideIcon
    made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly if action.icon().isNull() else beside)
    made.setIconSize(QSize(14, 14))
    made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    made.setAccessibleName(action.text())
    return made


class Said(QLabel):
    """A line that is cut to the room that it has, and whole in the tooltip.

    Parameters
    ----------
    alignment : Qt.AlignmentFlag
        At which side it stands.
    cut : Qt.TextElideMode
        Where it is cut.
    """

    def __init__(
        self,
        alignment: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
        cut: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle,
    ) -> None:
        super().__init__()
        self._words, self._mode = "", cut
        self.setProperty("role", "soft")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setAlignment(alignment | Qt.AlignmentFlag.AlignVCenter)

    def say(self, words: str, warns: bool = False) -> None:
        """Show other words; those that warn stand out."""
        self._words = f"⚠ {words}" if warns else words
        self.setToolTip(words)
        role, style = "warn" if warns else "soft", self.style()
        if self.property("role") != role and style is not None:
            self.setProperty("role", role)
            style.unpolish(self)
            style.polish(self)
        self._cut()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Cut the words anew: a sign beside them may have come or gone."""
        super().resizeEvent(event)
        self._cut()

    def _cut(self) -> None:
        room = max(80, self.width() - 8)
        self.setText(self.fontMetrics().elidedText(self._words, self._mode, room))


class ControlBar(QWidget):
    """Start, stop, pause, snapshot, record, neutral baseline; switches for the next start; what was said."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 4, 6, 4)
        column.setSpacing(3)
        layout = QHBoxLayout()
        layout.setSpacing(6)
        _add(layout, commands, ("start", "stop", "pause", "snapshot"))
        self._record = button(commands["record"])
        layout.addWidget(self._record)
        self._redden()
        theme.changed.connect(self._redden)
        layout.addWidget(_line())
        _add(layout, commands, ("baseline", "relative"))
        layout.addWidget(_line())
        _add(layout, commands, ("spotting", "lsl"))
        self.lsl = QLabel("● LSL on")
        self.lsl.setProperty("role", "sign")
        self.lsl.setToolTip(
            "LSL outlets are open: every computer on this network can read the activity and the markers"
        )
        self.lsl.hide()
        layout.addWidget(self.lsl)
        layout.addStretch(1)
        self.standing, self.said = Said(), Said()
        words = QHBoxLayout()
        words.setSpacing(12)
        for line in (self.standing, self.said):
            line.hide()
            words.addWidget(line, 1)
        column.addLayout(layout)
        column.addLayout(words)

    def _redden(self) -> None:
        """While recording the button is red."""
        red, text = theme.colour("record").name(), theme.colour("accent_text").name()
        self._record.setStyleSheet(
            f"QToolButton:checked {{ background: {red}; border-color: {red}; color: {text}; }}"
        )

    def say(self, words: str, warns: bool = False) -> None:
        """Say what came of a command; long words are cut and whole in the tooltip."""
        self.said.say(words, warns)
        self.said.setVisible(bool(words))

    def warn_of(self, words: str) -> None:
        """Keep a warning in view, beside what is said of commands, until it holds no more: empty words."""
        self.standing.say(words, warns=bool(words))
        self.standing.setVisible(bool(words))


class OverlayBar(QWidget):
    """Switches of the overlays."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 2, 6, 2)
        layout.setSpacing(6)
        title = QLabel("Show")
        title.setProperty("role", "soft")
        layout.addWidget(title)
        _add(layout, commands, ("landmarks", "regions", "head_box", "warnings"))
        layout.addStretch(1)


def _add(layout: QHBoxLayout, commands: Commands, names: Sequence[str]) -> None:
    for name in names:
        layout.addWidget(button(commands[name]))


def _line() -> QFrame:
    line = QFrame()
    line.setFrameShape(QFrame.Shape.VLine)
    line.setFrameShadow(QFrame.Shadow.Sunken)
    return line
