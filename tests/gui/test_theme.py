"""Colours that can be told apart, by everyone, in both schemes; icons in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pyqtgraph as pg
import pytest
from PyQt6.QtCore import QSize
from PyQt6.QtGui import QColor, QIcon, QPalette
from PyQt6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QLineEdit,
    QPushButton,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from megc_live.gui import icons, theme
from megc_live.gui.style import Style

# Viénot, Brettel and Mollon (1999): what a dichromat sees, in linear R G B.
_DICHROMATS = {
    "protanopia": [[0.1124, 0.8876, 0.0], [0.1124, 0.8876, 0.0], [0.004, -0.004, 1.0]],
    "deuteranopia": [[0.2928, 0.7072, 0.0], [0.2928, 0.7072, 0.0], [-0.0223, 0.0223, 1.0]],
}


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest, qapp: QApplication) -> Iterator[str]:
    theme.apply(request.param)
    yield request.param
    theme.apply("light")


def linear(colour: QColor) -> np.ndarray:
    values = np.array([colour.redF(), colour.greenF(), colour.blueF()])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(one: QColor, other: QColor) -> float:
    """WCAG 2: 1 to 21."""
    light = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) + 0.05 for c in (one, other))
    return light[1] / light[0]


def blended(over: QColor, ground: QColor) -> QColor:
    """What is seen where a colour that lets something through lies on another one."""
    alpha, mixed = over.alphaF(), QColor()
    parts = zip(over.getRgbF()[:3], ground.getRgbF()[:3], strict=True)
    mixed.setRgbF(*(alpha * one + (1 - alpha) * other for one, other in parts))
    return mixed


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear sRGB."""
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(matrix) @ np.clip(rgb, 0, 1)
    f = np.cbrt(xyz / [0.9505, 1.0, 1.089])
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("ground", ["background", "surface"])
@pytest.mark.parametrize("name", ["ink", "soft", "micro_text", "warn", "bad", "good"])
def test_texts_can_be_read(scheme: str, name: str, ground: str) -> None:
    assert contrast(theme.colour(name), theme.colour(ground)) >= 4.5


@pytest.mark.parametrize("name", ["micro", "macro", "accent", "head", "blink", "record", "rejected"])
def test_lines_can_be_seen(scheme: str, name: str) -> None:
    assert contrast(theme.colour(name), theme.colour("surface")) >= 3


def test_text_on_the_accent_can_be_read(scheme: str) -> None:
    assert contrast(theme.colour("accent_text"), theme.colour("accent")) >= 4.5


@pytest.mark.parametrize("ground", ["background", "surface", "raised"])
def test_what_cannot_be_used_can_still_be_read(scheme: str, qapp: QApplication, ground: str) -> None:
    role, disabled = QPalette.ColorRole, QPalette.ColorGroup.Disabled
    for text in (role.WindowText, role.Text, role.ButtonText, role.PlaceholderText):
        colour = qapp.palette().color(disabled, text)
        assert colour.alpha() == 255 and contrast(colour, theme.colour(ground)) >= 3
    assert contrast(theme.colour("disabled"), theme.colour(ground)) >= 3


@pytest.mark.parametrize("kind", ["plain", "pressed", "primary", "field", "box", "choice"])
def test_widgets_that_cannot_be_used_are_drawn_so_that_they_can_be_read(
    scheme: str, qtbot: QtBot, kind: str
) -> None:
    widget: QWidget
    if kind == "choice":
        widget = QComboBox()
        widget.addItem("MMMM")
    else:
        widget = {"field": QLineEdit, "box": QCheckBox}.get(kind, QPushButton)("MMMM")
    if isinstance(widget, QPushButton):
        widget.setCheckable(True)
        widget.setChecked(kind == "pressed")
        widget.setProperty("primary", "true" if kind == "primary" else "false")
    widget.setEnabled(False)
    font = widget.font()
    font.setPixelSize(30)  # strokes that are wider than what is smoothed at their edges
    widget.setFont(font)
    qtbot.addWidget(widget)
    widget.resize(260, 60)
    image = widget.grab().toImage()
    seen = [image.pixelColor(x, y) for x in range(30, 200) for y in range(10, 50)]
    ground = Counter(colour.rgb() for colour in seen).most_common(1)[0][0]
    assert max(contrast(colour, QColor(ground)) for colour in seen) >= 3


@pytest.mark.parametrize("kind", list(_DICHROMATS))
def test_kinds_and_labels_differ_for_colour_blind_people(scheme: str, kind: str) -> None:
    sees = np.array(_DICHROMATS[kind])
    for group in (("micro", "macro"), ("negative", "positive", "surprise"), ("accepted", "rejected")):
        seen = [lab(sees @ linear(theme.colour(name))) for name in group]
        for one, other in combinations(seen, 2):
            assert float(np.linalg.norm(one - other)) > 10, group


def test_activity_gets_lighter_and_clips() -> None:
    steps = theme.activity_rgb(np.linspace(0, 1, 20)).astype(float)
    assert (np.diff(steps @ [0.2126, 0.7152, 0.0722]) > 0).all()
    outside = theme.activity_rgb([-1.0, 0.0, np.nan, 1.0, 7.0])
    assert (outside[0] == outside[1]).all() and (outside[2] == outside[1]).all()
    assert (outside[3] == outside[4]).all()


def test_a_scheme_reaches_palette_plots_and_listeners(qtbot: QtBot, qapp: QApplication) -> None:
    for mode, dark in (("dark", True), ("light", False)):
        with qtbot.waitSignal(theme.changed):
            theme.apply(mode)  # type: ignore[arg-type]
        assert theme.is_dark() is dark
        assert qapp.palette().color(QPalette.ColorRole.Window) == theme.colour("background")
        assert pg.getConfigOption("background") == theme.colour("surface")
        plot = pg.PlotWidget()
        qtbot.addWidget(plot)
        theme.style_plot(plot)
        assert plot.getAxis("left").textPen().color() == theme.colour("ink")


@pytest.mark.parametrize("name", icons.names())
def test_every_icon_draws_something_inside_of_its_square(qapp: QApplication, name: str) -> None:
    image = icons.icon(name).pixmap(48, 48).toImage()
    side = range(image.width())
    alpha = np.array([[image.pixelColor(x, y).alpha() for x in side] for y in side])
    assert (alpha > 128).mean() > 0.02
    edge = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
    assert (edge < 128).all()


def test_a_switch_that_is_on_has_a_tick(qapp: QApplication) -> None:
    sign = icons.switch_icon()
    inks = [
        sum(image.pixelColor(x, y).alpha() > 128 for x in range(14, 34) for y in range(14, 34))
        for image in (
            sign.pixmap(QSize(48, 48), QIcon.Mode.Normal, state).toImage()
            for state in (QIcon.State.Off, QIcon.State.On)
        )
    ]
    assert inks[0] == 0 and inks[1] > 40


def test_the_buttons_of_a_file_dialog_can_be_seen(scheme: str, qtbot: QtBot, qapp: QApplication) -> None:
    """They were nearly blank: dark on dark, and with no room for the icon between the margins."""
    qapp.setStyle(Style())
    dialog = QFileDialog()
    qtbot.addWidget(dialog)
    dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
    dialog.show()
    buttons = [b for b in dialog.findChildren(QToolButton) if b.isVisible() and b.isEnabled()]
    assert {b.objectName() for b in buttons} >= {"toParentButton", "newFolderButton", "listModeButton"}
    for button in buttons:
        drawn = button.grab().toImage()
        middle = drawn.copy(drawn.rect().adjusted(4, 4, -4, -4))
        ground, sign = drawn.pixelColor(4, 4), theme.colour("ink")
        away = [
            abs(middle.pixelColor(x, y).lightness() - ground.lightness())
            for x in range(middle.width())
            for y in range(middle.height())
        ]
        assert sum(a > 0.5 * abs(sign.lightness() - ground.lightness()) for a in away) > 15
