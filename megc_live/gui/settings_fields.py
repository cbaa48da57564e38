"""One control for each kind of setting, made from the field of the settings model."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Protocol, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from PyQt6.QtCore import QSignalBlocker
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QWidget,
)

from megc_live.gui import icons

UNBOUNDED = 1e12
MB = 2**20
"""Bytes."""
_SIGNS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}


class Control(Protocol):
    """What the dialog needs of a control."""

    @property
    def widget(self) -> QWidget:
        """What is shown."""

    def value(self) -> Any:
        """Return what is entered, as the model takes it."""

    def set_value(self, value: Any) -> None:
        """Show a value, without telling that it has changed."""


@dataclass(frozen=True)
class Kind:
    """What a field takes: its type, whether it may be empty, the choices where these are all there are."""

    type: type
    optional: bool
    choices: tuple[str, ...]


def kind_of(annotation: Any) -> Kind:
    """Return the kind of a field's annotation.

    Raises
    ------
    TypeError
        No control is known for it: a mistake in the program.
    """
    optional = False
    if get_origin(annotation) in (Union, UnionType):
        parts = [part for part in get_args(annotation) if part is not NoneType]
        optional = len(parts) < len(get_args(annotation))
        annotation = parts[0] if len(parts) == 1 else annotation
    if get_origin(annotation) is Literal:
        return Kind(str, optional, tuple(str(choice) for choice in get_args(annotation)))
    if annotation in (bool, int, float, str, Path):
        return Kind(annotation, optional, ())
    raise TypeError(f"no control for a setting of type {annotation!r}")


def unit_of(description: str) -> str:
    """Return the unit at the end of a description.

    Examples
    --------
    >>> unit_of("length of the frame ring, s"), unit_of("which faces are analysed")
    ('s', '')
    """
    found = re.search(r", (s|px|bytes|ms|Hz|%)$", description)
    return found[1] if found else ""


def scale_of(field: FieldInfo) -> tuple[float, str]:
    """Return what one of the unit that is shown is in the field's own, and that unit: memory is in MB."""
    unit = unit_of(field.description or "")
    return (MB, "MB") if unit == "bytes" else (1, unit)


def words_of(value: object, field: FieldInfo) -> str:
    """Return a value with the unit that is shown, where the field's own is another one.

    Examples
    --------
    >>> words_of(3 * 2**20, FieldInfo(description="memory for frames, bytes"))
    '3 MB'
    """
    scale, unit = scale_of(field)
    return f"{value}" if scale == 1 or not isinstance(value, int) else f"{value / scale:g} {unit}"


def limits_of(field: FieldInfo) -> tuple[float, float, str]:
    """Return smallest and largest value, and the limits as words."""
    low, high, words = -UNBOUNDED, UNBOUNDED, []
    for item in field.metadata:
        for name, sign in _SIGNS.items():
            limit = getattr(item, name, None)
            if limit is None:
                continue
            words.append(f"{sign} {words_of(limit, field)}")
            if name in ("gt", "ge"):
                low = float(limit)
            else:
                high = float(limit)
    return low, high, ", ".join(words)


def make_control(field: FieldInfo, names: tuple[str, ...], changed: Callable[[], None]) -> Control:
    """Return the control for a field.

    Parameters
    ----------
    field : FieldInfo
        Of the settings model.
    names : tuple of str
        Names that are known for a text, to choose from; others may be written.
    changed : callable
        Called when the user has changed it.
    """
    kind = kind_of(field.annotation)
    if kind.choices:
        return _Choice(kind.choices, changed, free=False)
    if kind.type is bool:
        return _Switch(changed)
    if kind.type in (int, float):
        number = _Number(field, kind, changed)
        return _Optional(number, field, changed) if kind.optional else number
    if kind.type is Path:
        return _Place(field, changed)
    return _Choice(names, changed, free=True) if names else _Text(changed)


class _Choice:
    def __init__(self, choices: tuple[str, ...], changed: Callable[[], None], *, free: bool) -> None:
        self.widget = self._box = QComboBox()
        self._box.addItems(choices)
        self._box.setEditable(free)
        self._box.currentTextChanged.connect(lambda _: changed())

    def value(self) -> str:
        return self._box.currentText().strip()

    def set_value(self, value: Any) -> None:
        with QSignalBlocker(self._box):
            self._box.setCurrentText(str(value))


class _Switch:
    def __init__(self, changed: Callable[[], None]) -> None:
        self.widget = self._box = QCheckBox()
        self._box.toggled.connect(lambda _: changed())

    def value(self) -> bool:
        return self._box.isChecked()

    def set_value(self, value: Any) -> None:
        with QSignalBlocker(self._box):
            self._box.setChecked(bool(value))


class _PlainSpin(QDoubleSpinBox):
    """Writes 0.4 where Qt writes 0.400000."""

    def textFromValue(self, value: float) -> str:
        return self.locale().toString(value, "g", 12)


class _Number:
    def __init__(self, field: FieldInfo, kind: Kind, changed: Callable[[], None]) -> None:
        self.widget = self._box = _PlainSpin()
        self._whole = kind.type is int
        low, high, _ = limits_of(field)
        self._scale, unit = scale_of(field)
        low, high = low / self._scale, high / self._scale
        self._box.setDecimals(7 if self._scale != 1 else 0 if self._whole else 6)  # a byte is 1e-6 MB
        self._box.setRange(low, high)
        if unit:
            self._box.setSuffix(f" {unit}")
        span = high - low
        step = 0.05 if span <= 2 else 0.5 if span <= 100 else 10.0
        self._box.setSingleStep(max(1.0, step) if self._whole else step)
        self._box.valueChanged.connect(lambda _: changed())

    def value(self) -> float | int:
        value = self._box.value() * self._scale
        return round(value) if self._whole else value

    def set_value(self, value: Any) -> None:
        with QSignalBlocker(self._box):
            self._box.setValue(float(value) / self._scale)


class _Optional:
    """A number that may be left to the program."""

    def __init__(self, number: _Number, field: FieldInfo, changed: Callable[[], None]) -> None:
        self._number = number
        _, _, meaning = (field.description or "").partition("; empty: ")
        self._own = QCheckBox("set it")
        self._own.setToolTip(f"Not set: {meaning}" if meaning else "Not set: the program chooses")
        self._own.toggled.connect(number.widget.setEnabled)
        self._own.toggled.connect(lambda _: changed())
        number.widget.setEnabled(False)
        self.widget = QWidget()
        layout = QHBoxLayout(self.widget)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._own)
        layout.addWidget(number.widget, 1)
        self.widget.setFocusProxy(self._own)

    def value(self) -> float | int | None:
        return self._number.value() if self._own.isChecked() else None

    def set_value(self, value: Any) -> None:
        with QSignalBlocker(self._own):
            self._own.setChecked(value is not None)
        self._number.widget.setEnabled(value is not None)
        if value is not None:
            self._number.set_value(value)


class _Text:
    def __init__(self, changed: Callable[[], None]) -> None:
        self.widget = self._line = QLineEdit()
        self._line.textChanged.connect(lambda _: changed())

    def value(self) -> str:
        return self._line.text().strip()

    def set_value(self, value: Any) -> None:
        with QSignalBlocker(self._line):
            self._line.setText(str(value))


class _Place:
    """A file or a folder; empty: none."""

    def __init__(self, field: FieldInfo, changed: Callable[[], None]) -> None:
        self._folder = "folder" in (field.description or "")
        self._line = QLineEdit()
        self._line.setPlaceholderText("not set")
        self._line.setClearButtonEnabled(True)
        self._line.textChanged.connect(lambda _: changed())
        browse = QPushButton(icons.icon("folder" if self._folder else "file"), "")
        browse.setToolTip("Choose a folder" if self._folder else "Choose a file")
        browse.setAccessibleName(browse.toolTip())
        browse.clicked.connect(self._browse)
        self.widget = QWidget()
        layout = QHBoxLayout(self.widget)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._line, 1)
        layout.addWidget(browse)
        self.widget.setFocusProxy(self._line)

    def value(self) -> str | None:
        return self._line.text().strip() or None

    def set_value(self, value: Any) -> None:
        with QSignalBlocker(self._line):
            self._line.setText("" if value is None else str(value))

    def _browse(self) -> None:
        if self._folder:
            found = QFileDialog.getExistingDirectory(self.widget, "Folder", self._line.text())
        else:
            found, _ = QFileDialog.getOpenFileName(self.widget, "File", self._line.text())
        if found:
            self._line.setText(found)
