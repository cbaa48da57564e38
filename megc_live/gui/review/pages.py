"""What is shown before a review can begin: nothing is open, who reviews, opening."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)


class EmptyPage(QWidget):
    """Says what can be opened.

    Attributes
    ----------
    open_button : QPushButton
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel("Review")
        title.setProperty("role", "title")
        self.text = QLabel("Open a folder of results, or drop one here: it holds intervals.csv.")
        self.text.setWordWrap(True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.open_button = QPushButton("Open results …")
        self.open_button.setToolTip(
            "Choose a folder that Live, Process or `megc-live analyze` has made (Ctrl+O)"
        )
        self.open_button.setProperty("primary", True)
        self.open_button.setAutoDefault(True)
        layout = QVBoxLayout(self)
        layout.addStretch(1)
        layout.addWidget(title, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(self.text)
        layout.addWidget(self.open_button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(2)


class NamePage(QWidget):
    """Asks who reviews.

    Attributes
    ----------
    given : pyqtSignal(str)
        The name.
    left : pyqtSignal()
        It was not given.
    """

    given = pyqtSignal(str)
    left = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel("Who reviews?")
        title.setProperty("role", "heading")
        why = QLabel(
            "Your name or code is stored with each change, on this computer, in the folder of results."
        )
        why.setWordWrap(True)
        self.name = QLineEdit()
        self.name.setMaximumWidth(320)
        self.name.setPlaceholderText("Name or code")
        self.name.setToolTip("Stored with each change, and remembered for the next review")
        self.name.returnPressed.connect(self._give)
        self.name.textChanged.connect(lambda text: self.go_on.setEnabled(bool(text.strip())))
        self.go_on = QPushButton("Go on")
        self.go_on.setToolTip("Review under this name (Enter)")
        self.go_on.setProperty("primary", True)
        self.go_on.setEnabled(False)
        self.go_on.setAutoDefault(True)
        self.go_on.clicked.connect(self._give)
        back = QPushButton("Back")
        back.setToolTip("Leave it as it was")
        back.setAutoDefault(True)
        back.clicked.connect(self.left)
        self.name.setMinimumWidth(240)
        row = QHBoxLayout()
        row.addStretch(1)
        for widget in (self.name, self.go_on, back):
            row.addWidget(widget)
        row.addStretch(1)
        why.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout = QVBoxLayout(self)
        layout.addStretch(1)
        layout.addWidget(title, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(why)
        layout.addLayout(row)
        layout.addStretch(2)

    def ask(self, name: str) -> None:
        """Begin with a name that may be changed."""
        self.name.setText(name)
        self.name.selectAll()
        self.name.setFocus(Qt.FocusReason.OtherFocusReason)

    def _give(self) -> None:
        if self.name.text().strip():
            self.given.emit(self.name.text().strip())


class ChoicePage(QWidget):
    """Asks a second reviewer how to begin, before anything of the first one's is shown.

    Attributes
    ----------
    own, together, left : pyqtSignal()
        Begin with the machine's intervals; go on with what is there; neither.
    """

    own = pyqtSignal()
    together = pyqtSignal()
    left = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = QLabel()
        self.title.setProperty("role", "heading")
        why = QLabel(
            "For an agreement of two reviewers begin on your own: you see the machine's intervals only, and "
            "your changes have a file of their own. Going on shows and changes what is there."
        )
        why.setWordWrap(True)
        why.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.alone = QPushButton("Begin on my own")
        self.alone.setToolTip("Review the machine's intervals as if nobody had reviewed them (Enter)")
        self.alone.setProperty("primary", True)
        self.alone.setAutoDefault(True)
        self.alone.clicked.connect(self.own)
        self.go_on = QPushButton("Go on with that review")
        self.go_on.setToolTip("See the decisions and change them; who changed what is kept")
        self.go_on.setAutoDefault(True)
        self.go_on.clicked.connect(self.together)
        back = QPushButton("Back")
        back.setToolTip("Leave it as it was")
        back.setAutoDefault(True)
        back.clicked.connect(self.left)
        row = QHBoxLayout()
        row.addStretch(1)
        for button in (self.alone, self.go_on, back):
            row.addWidget(button)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.addStretch(1)
        layout.addWidget(self.title, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(why)
        layout.addLayout(row)
        layout.addStretch(2)

    def ask(self, text: str) -> None:
        """Ask; ``text`` says who reviewed before."""
        self.title.setText(text)
        self.alone.setFocus(Qt.FocusReason.OtherFocusReason)


class Header(QWidget):
    """What is under review, whether it is saved, and buttons of what can be done with all of it.

    Attributes
    ----------
    title, saved : QLabel
    """

    def __init__(self, actions: Sequence[QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = QLabel()
        self.title.setProperty("role", "heading")
        self.saved = QLabel()
        self.saved.setProperty("role", "soft")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.title)
        row.addWidget(self.saved, 1)
        for action in actions:
            button = QToolButton()
            button.setDefaultAction(action)
            row.addWidget(button)


def folder_of_results(path: Path) -> Path | None:
    """Return the folder of results that a dropped file or folder means, or None."""
    for folder in (path, path.parent):
        if (folder / "intervals.csv").is_file():
            return folder
    return None
