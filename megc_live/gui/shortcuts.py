"""Keyboard for everything: one way to make an action, and the sheet that lists all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)


@dataclass(frozen=True)
class Shortcut:
    """One line of the sheet: where it works, its keys as this system writes them, what it does."""

    group: str
    keys: str
    text: str


def make_action(
    parent: QWidget,
    text: str,
    keys: str | Sequence[str] = (),
    slot: Callable[[], object] | None = None,
    *,
    tip: str = "",
    checkable: bool = False,
    context: Qt.ShortcutContext = Qt.ShortcutContext.WidgetWithChildrenShortcut,
) -> QAction:
    """Make an action and add it to ``parent``, so that its keys work there.

    Parameters
    ----------
    parent : QWidget
        Where the keys work; with the default context only while the focus is inside of it.
    text : str
        What it does, for menus, buttons and the sheet.
    keys : str or sequence of str
        Portable key sequences, for example ``"Ctrl+S"`` or ``["Space", "P"]``.
    slot : callable, optional
        Called without arguments when the action is triggered.
    tip : str
        Tooltip; the keys are added to it. Default: the text.
    checkable : bool
        The action is a switch: connect to ``toggled``.
    context : Qt.ShortcutContext
        Where the keys work.
    """
    action = QAction(text, parent)
    sequences = [QKeySequence(key) for key in ([keys] if isinstance(keys, str) else keys) if key]
    action.setShortcuts(sequences)
    action.setShortcutContext(context)
    action.setCheckable(checkable)
    shown = keys_of(action)
    action.setToolTip(f"{tip or text} ({shown})" if shown else tip or text)
    if slot is not None:
        action.triggered.connect(lambda _checked=False: slot())
    parent.addAction(action)
    return action


def keys_of(action: QAction) -> str:
    """Return the keys of an action as this system writes them, ``""`` if it has none."""
    form = QKeySequence.SequenceFormat.NativeText
    return " or ".join(keys.toString(form) for keys in action.shortcuts() if not keys.isEmpty())


def collect(groups: Mapping[str, Sequence[QAction]]) -> list[Shortcut]:
    """Return the lines of the sheet: every action that has keys, in the order of the groups."""
    lines = []
    for group, actions in groups.items():
        for action in actions:
            if keys := keys_of(action):
                lines.append(Shortcut(group, keys, action.text().replace("&", "").rstrip("….")))
    return lines


class ShortcutSheet(QDialog):
    """The sheet under ``?``; typing filters it.

    Parameters
    ----------
    groups : mapping of str to sequence of QAction
        Name of each place and its actions.
    parent : QWidget, optional
        The window above which it is shown.
    """

    def __init__(self, groups: Mapping[str, Sequence[QAction]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        self.resize(560, 560)
        self.lines = collect(groups)
        self._rows: list[tuple[Shortcut, list[QLabel]]] = []
        self._headings: dict[str, QLabel] = {}

        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Filter: a word or a key")
        self.filter.setToolTip("Show only the lines that contain this text")
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(self._show_matching)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(self._table())
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.filter)
        layout.addWidget(area)
        layout.addWidget(buttons)

    def visible_lines(self) -> list[Shortcut]:
        """Return the lines that the filter lets through."""
        return [line for line, labels in self._rows if not labels[0].isHidden()]

    def _table(self) -> QWidget:
        table = QWidget()
        grid = QGridLayout(table)
        grid.setColumnStretch(1, 1)
        grid.setHorizontalSpacing(24)
        for line in self.lines:
            row = grid.rowCount()
            if line.group not in self._headings:
                heading = QLabel(line.group)
                heading.setProperty("role", "heading")
                grid.addWidget(heading, row, 0, 1, 2)
                self._headings[line.group] = heading
                row += 1
            keys, text = QLabel(line.keys), QLabel(line.text)
            font = keys.font()
            font.setBold(True)
            keys.setFont(font)
            text.setWordWrap(True)
            grid.addWidget(keys, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(text, row, 1)
            self._rows.append((line, [keys, text]))
        grid.setRowStretch(grid.rowCount(), 1)
        return table

    def _show_matching(self, text: str) -> None:
        wanted = text.strip().casefold()
        shown = set()
        for line, labels in self._rows:
            match = wanted in f"{line.group} {line.keys} {line.text}".casefold()
            for label in labels:
                label.setVisible(match)
            if match:
                shown.add(line.group)
        for group, heading in self._headings.items():
            heading.setVisible(group in shown)
