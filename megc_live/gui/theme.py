"""Light, dark, or what the system says; colours that colour-blind people can tell apart.

Every colour has a name and a value for each of the two schemes, so that a widget asks
``theme.colour("micro")`` when it paints and connects to ``theme.changed`` where it keeps pens or brushes.
Colours are never the only sign: what they say is also written or drawn.

Examples
--------
>>> colour("micro").name()
'#d55e00'
"""

from __future__ import annotations

import math
from typing import Any, Final, Literal

import numpy as np
import pyqtgraph as pg
from numpy.typing import ArrayLike, NDArray
from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QGuiApplication, QPalette
from PyQt6.QtWidgets import QApplication

Mode = Literal["system", "light", "dark"]
MODES: Final[tuple[Mode, ...]] = ("system", "light", "dark")

MICRO: Final = "micro"
MACRO: Final = "macro"
WARN: Final = "warn"
ACCENT: Final = "accent"

# name: (light, dark). The hues are Okabe and Ito's (2008), shifted so that lines of each scheme have a
# contrast of at least 3:1 on its background and texts one of at least 4.5:1; what cannot be used has 3:1.
_COLOURS: Final[dict[str, tuple[str, str]]] = {
    "background": ("#f4f6f7", "#1b2127"),
    "surface": ("#ffffff", "#242c34"),
    "raised": ("#e9ecee", "#303a44"),
    "line": ("#c3cad0", "#46525d"),
    "ink": ("#22303c", "#e8edf1"),
    "soft": ("#5b6873", "#a3b0bb"),
    "disabled": ("#76828c", "#7f8b96"),
    "accent": ("#0072b2", "#56b4e9"),
    "accent_text": ("#ffffff", "#10161b"),
    "micro": ("#d55e00", "#f28b30"),
    "micro_text": ("#a84a00", "#f7a55c"),
    "macro": ("#0072b2", "#56b4e9"),
    "head": ("#5b4a8a", "#b09fe0"),
    "blink": ("#00795c", "#2fc79c"),
    "good": ("#00795c", "#2fc79c"),
    "warn": ("#8a5a00", "#f0c24b"),
    "bad": ("#b3261e", "#ff8a80"),
    "record": ("#c4161c", "#ff5a52"),
    "open": ("#5b6873", "#a3b0bb"),
    "accepted": ("#00795c", "#2fc79c"),
    "rejected": ("#a04a78", "#dd94bc"),
    "negative": ("#a84a00", "#f7a55c"),
    "positive": ("#00795c", "#2fc79c"),
    "surprise": ("#0072b2", "#56b4e9"),
    "landmark": ("#56b4e9", "#56b4e9"),
}

_SERIES: Final = (
    ("#0072b2", "#56b4e9"),
    ("#d55e00", "#f28b30"),
    ("#00795c", "#2fc79c"),
    ("#a04a78", "#dd94bc"),
    ("#8a6d00", "#f0e442"),
    ("#5b6873", "#c3cad0"),
)

# Cividis (Nuñez, Anderton and Renslow, 2018): the same order for every kind of colour vision.
_ACTIVITY: Final = np.array(
    [(0, 34, 78), (53, 69, 108), (102, 105, 112), (148, 142, 119), (200, 184, 102), (254, 232, 56)], float
)


class _Theme(QObject):
    """What is shown now, and the signal that it has changed."""

    changed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.mode: Mode = "system"
        self.dark = False
        self.followed: QGuiApplication | None = None


_theme: Final = _Theme()
changed: Final = _theme.changed
"""Emitted after the scheme has changed: make pens and brushes anew."""


def is_dark() -> bool:
    """Return whether the dark scheme is shown."""
    return _theme.dark


def mode() -> Mode:
    """Return what was asked for: ``"system"``, ``"light"`` or ``"dark"``."""
    return _theme.mode


def names() -> tuple[str, ...]:
    """Return the names that :func:`colour` knows."""
    return tuple(_COLOURS)


def colour(name: str, alpha: int = 255) -> QColor:
    """Return the colour of that name in the scheme that is shown.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    alpha : int
        Opacity, 0 to 255.

    Raises
    ------
    KeyError
        There is no such colour: a mistake in the program.
    """
    found = QColor(_COLOURS[name][_theme.dark])
    found.setAlpha(alpha)
    return found


def series(index: int) -> QColor:
    """Return a colour for line number ``index`` of a plot; they repeat after six, dash the others."""
    return QColor(_SERIES[index % len(_SERIES)][_theme.dark])


def activity_rgb(values: ArrayLike) -> NDArray[np.uint8]:
    """Return colours of activities, dark blue to yellow, the same in both schemes.

    Parameters
    ----------
    values : array_like, shape (...)
        Activity from 0 to 1; what is outside is clipped, NaN is taken as 0.

    Returns
    -------
    ndarray, shape (..., 3), uint8
        Red, green, blue.
    """
    at = np.clip(np.nan_to_num(np.asarray(values, float), nan=0.0), 0.0, 1.0)
    found: NDArray[np.uint8] = _SHADES[np.rint(at * (len(_SHADES) - 1)).astype(np.intp)]
    return found


def activity(value: float) -> QColor:
    """Return the colour of one activity, 0 to 1; NaN is taken as 0."""
    at = 0.0 if math.isnan(value) else min(max(value, 0.0), 1.0)
    return QColor(_SHADE_COLOURS[round(at * (len(_SHADES) - 1))])


def _shades(count: int) -> NDArray[np.uint8]:
    """Return so many colours along :data:`_ACTIVITY`, shape (count, 3)."""
    at, steps = np.linspace(0.0, 1.0, count), np.linspace(0.0, 1.0, len(_ACTIVITY))
    channels = [np.interp(at, steps, _ACTIVITY[:, channel]) for channel in range(3)]
    return np.asarray(np.rint(np.stack(channels, axis=-1)), np.uint8)


# Made once: a live picture asks for some twenty of them, and a timeline for thousands, thirty times a second.
_SHADES: Final[NDArray[np.uint8]] = _shades(256)
_SHADE_COLOURS: Final = tuple(QColor(*rgb) for rgb in _SHADES.tolist())


def apply(mode: Mode) -> None:
    """Show a scheme in the whole program: palette, style sheet and pyqtgraph's colours.

    Parameters
    ----------
    mode : str
        ``"light"``, ``"dark"``, or ``"system"``: what the desktop is set to, also when that changes.
    """
    _theme.mode = mode
    _follow_the_system()
    _theme.dark = _system_is_dark() if mode == "system" else mode == "dark"
    app = QApplication.instance()
    if isinstance(app, QApplication):
        app.setPalette(_palette())
        app.setStyleSheet(_style_sheet())
    configure_pyqtgraph()
    _theme.changed.emit()


def configure_pyqtgraph() -> None:
    """Set what new plots look like: colours of the scheme, images as (rows, columns)."""
    pg.setConfigOptions(
        background=colour("surface"), foreground=colour("ink"), antialias=True, imageAxisOrder="row-major"
    )


def style_plot(widget: Any) -> None:
    """Give a ``pyqtgraph`` plot that is already there the colours of the scheme.

    Parameters
    ----------
    widget : PlotWidget, PlotItem or GraphicsLayoutWidget
        Its background (where it has one) and its axes are coloured.
    """
    if hasattr(widget, "setBackground"):
        widget.setBackground(colour("surface"))
    if hasattr(widget, "getAxis"):
        for side in ("left", "bottom", "right", "top"):
            axis = widget.getAxis(side)
            axis.setPen(pg.mkPen(colour("line")))
            axis.setTextPen(pg.mkPen(colour("ink")))


def _follow_the_system() -> None:
    app = QGuiApplication.instance()
    if not isinstance(app, QGuiApplication) or app is _theme.followed:
        return
    hints = QGuiApplication.styleHints()
    if hints is not None:
        hints.colorSchemeChanged.connect(_system_changed)
        _theme.followed = app


def _system_changed() -> None:
    if _theme.mode == "system" and _system_is_dark() != _theme.dark:
        apply("system")


def _system_is_dark() -> bool:
    if QGuiApplication.instance() is None:
        return False
    hints = QGuiApplication.styleHints()
    return hints is not None and hints.colorScheme() == Qt.ColorScheme.Dark


def _palette() -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    for where, name in (
        (role.Window, "background"),
        (role.WindowText, "ink"),
        (role.Base, "surface"),
        (role.AlternateBase, "background"),
        (role.Text, "ink"),
        (role.Button, "raised"),
        (role.ButtonText, "ink"),
        (role.ToolTipBase, "surface"),
        (role.ToolTipText, "ink"),
        (role.PlaceholderText, "soft"),
        (role.Highlight, "accent"),
        (role.HighlightedText, "accent_text"),
        (role.Link, "accent"),
        (role.BrightText, "bad"),
        (role.Light, "surface"),
        (role.Midlight, "raised"),
        (role.Mid, "line"),
        (role.Dark, "soft"),
    ):
        palette.setColor(where, colour(name))
    for where in (role.WindowText, role.Text, role.ButtonText, role.PlaceholderText):
        palette.setColor(QPalette.ColorGroup.Disabled, where, colour("disabled"))
    # Fusion draws choices on a lighter shade of this one.
    palette.setColor(QPalette.ColorGroup.Disabled, role.Button, colour("background"))
    return palette


def _style_sheet() -> str:
    """Return the few rules that a palette cannot say; the focus is always to be seen."""
    values = {name: colour(name).name() for name in _COLOURS}
    return _RULES.format(**values)


_RULES: Final = """
QToolTip {{ background: {surface}; color: {ink}; border: 1px solid {line}; padding: 3px; }}
QPushButton, QToolButton {{
    padding: 4px 10px; border: 1px solid {line}; border-radius: 4px; background: {raised}; }}
QPushButton:hover, QToolButton:hover {{ border-color: {accent}; }}
QPushButton:pressed, QToolButton:pressed, QPushButton:checked, QToolButton:checked {{
    background: {accent}; color: {accent_text}; border-color: {accent}; }}
QPushButton:focus, QToolButton:focus {{ border: 2px solid {accent}; padding: 3px 9px; }}
QPushButton:disabled, QToolButton:disabled {{
    background: {background}; color: {disabled}; border-color: {line}; }}
QPushButton:checked:disabled, QToolButton:checked:disabled {{
    border: 2px solid {disabled}; padding: 3px 9px; }}
QPushButton[primary="true"] {{
    background: {accent}; color: {accent_text}; border-color: {accent}; font-weight: 600; }}
QPushButton[primary="true"]:focus {{ border: 2px solid {ink}; }}
QPushButton[primary="true"]:disabled {{
    background: {background}; color: {disabled}; border-color: {line}; font-weight: 400; }}
QFileDialog QToolButton {{ padding: 2px; }}
QFileDialog QToolButton:focus {{ padding: 1px; }}
QFileDialog QToolButton:pressed {{ padding: 1px; border: 2px solid {accent}; background: {raised}; }}
QLineEdit, QComboBox, QAbstractSpinBox {{ min-height: 20px; }}
QLabel[role="title"] {{ font-size: 20px; font-weight: 600; }}
QLabel[role="heading"] {{ font-size: 15px; font-weight: 600; }}
QLabel[role="soft"] {{ color: {soft}; }}
QLabel[role="warn"] {{ color: {warn}; font-weight: 600; }}
QLabel[role="sign"] {{
    background: {accent}; color: {accent_text}; border-radius: 4px; padding: 2px 8px; font-weight: 600; }}
QLabel[role="bad"] {{ color: {bad}; font-weight: 600; }}
QFrame[role="card"] {{ background: {surface}; border: 1px solid {line}; border-radius: 6px; }}
QFrame[role="bar"] {{ background: {surface}; border: 0; border-bottom: 1px solid {line}; }}
QFrame[role="banner"] {{ background: {raised}; border: 0; border-bottom: 1px solid {line}; }}
QLabel[role="notice"] {{ color: {soft}; padding: 2px 14px; font-size: 11px; }}
QToolButton[role="tab"] {{ font-size: 14px; font-weight: 600; }}
QToolButton[role="menu"] {{ padding-right: 18px; }}
QToolButton::menu-indicator {{ subcontrol-position: right center; subcontrol-origin: padding; right: 4px; }}
QSplitter::handle {{ background: {line}; }}
QSplitter::handle:horizontal {{ width: 5px; }}
QSplitter::handle:vertical {{ height: 5px; }}
QSplitter::handle:hover {{ background: {accent}; }}
"""
