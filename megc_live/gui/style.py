"""Tick boxes, radio buttons and file buttons that can be seen, and where a sorted column's arrow points."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QIcon, QPainter, QPen, QPolygonF
from PyQt6.QtWidgets import QProxyStyle, QStyle, QStyleHintReturn, QStyleOption, QStyleOptionHeader, QWidget

from megc_live.gui import icons, theme

_BOXES = (
    QStyle.PrimitiveElement.PE_IndicatorCheckBox,
    QStyle.PrimitiveElement.PE_IndicatorItemViewItemCheck,
)
_RADIO = QStyle.PrimitiveElement.PE_IndicatorRadioButton
_FILE_ICONS = {
    QStyle.StandardPixmap.SP_ArrowBack: "back",
    QStyle.StandardPixmap.SP_ArrowForward: "forward",
    QStyle.StandardPixmap.SP_FileDialogToParent: "up",
    QStyle.StandardPixmap.SP_FileDialogNewFolder: "new_folder",
    QStyle.StandardPixmap.SP_FileDialogListView: "tiles",
    QStyle.StandardPixmap.SP_FileDialogDetailedView: "process",
}


class Style(QProxyStyle):
    """Fusion, but for the signs of what is on and off, which it draws dark on dark, and of what is sorted."""

    def __init__(self) -> None:
        super().__init__("Fusion")

    def styleHint(
        self,
        hint: QStyle.StyleHint,
        option: QStyleOption | None = None,
        widget: QWidget | None = None,
        returnData: QStyleHintReturn | None = None,
    ) -> int:
        """Return a hint; buttons of dialogs have no icons: Fusion's are dark on dark."""
        if hint == QStyle.StyleHint.SH_DialogButtonBox_ButtonsHaveIcons:
            return 0
        return super().styleHint(hint, option, widget, returnData)

    def standardIcon(
        self,
        standardIcon: QStyle.StandardPixmap,
        option: QStyleOption | None = None,
        widget: QWidget | None = None,
    ) -> QIcon:
        """Return an icon; those of the file dialog's buttons are dark on dark in Fusion."""
        name = _FILE_ICONS.get(standardIcon)
        return super().standardIcon(standardIcon, option, widget) if name is None else icons.icon(name)

    def drawPrimitive(
        self,
        element: QStyle.PrimitiveElement,
        option: QStyleOption | None,
        painter: QPainter | None,
        widget: QWidget | None = None,
    ) -> None:
        """Draw one part of a widget."""
        if element == QStyle.PrimitiveElement.PE_IndicatorHeaderArrow and isinstance(
            option, QStyleOptionHeader
        ):
            option = _turned(option)
        if option is None or painter is None or not (element in _BOXES or element == _RADIO):
            super().drawPrimitive(element, option, painter, widget)
            return
        _draw_sign(painter, option, round_=element == _RADIO)


def _turned(option: QStyleOptionHeader) -> QStyleOptionHeader:
    """Fusion's arrow points down where the values grow; here it points up, as in most programs."""
    arrow = QStyleOptionHeader.SortIndicator
    turned = QStyleOptionHeader(option)
    other = {arrow.SortUp: arrow.SortDown, arrow.SortDown: arrow.SortUp}
    turned.sortIndicator = other.get(option.sortIndicator, option.sortIndicator)
    return turned


def _draw_sign(painter: QPainter, option: QStyleOption, *, round_: bool) -> None:
    state, flag = option.state, QStyle.StateFlag
    enabled, on = bool(state & flag.State_Enabled), bool(state & flag.State_On)
    partly = bool(state & flag.State_NoChange)
    side = min(option.rect.width(), option.rect.height()) - 2.0
    box = QRectF(0, 0, side, side)
    box.moveCenter(QRectF(option.rect).center())
    edge = theme.colour("disabled" if not enabled else "accent" if on or partly else "soft")
    filled = (on or partly) and enabled
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(edge, 1.4))
    painter.setBrush(theme.colour("accent") if filled else theme.colour("surface"))
    if round_:
        painter.drawEllipse(box)
    else:
        painter.drawRoundedRect(box, 2.5, 2.5)
    sign = theme.colour("accent_text") if enabled else edge
    if on and round_:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(sign)
        painter.drawEllipse(box.center(), side / 5, side / 5)
    elif on or partly:
        painter.setPen(QPen(sign, max(1.6, side / 7)))
        shape = [(0.2, 0.5), (0.8, 0.5)] if partly else [(0.2, 0.55), (0.42, 0.76), (0.8, 0.28)]
        painter.drawPolyline(QPolygonF([box.topLeft() + QPointF(x * side, y * side) for x, y in shape]))
    painter.restore()
