"""Where the parts of the Live workspace are."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QGridLayout, QSplitter, QVBoxLayout, QWidget


def lay_out(
    view: QWidget,
    controls: QWidget,
    picture: QWidget,
    notice: QWidget,
    overlays: QWidget,
    table: QWidget,
    timeline: QWidget,
    footer: QWidget,
) -> tuple[QSplitter, QSplitter]:
    """Put the parts into the view: the picture beside the list, the timeline below both.

    Returns
    -------
    tuple of QSplitter
        Between picture and list; between these and the timeline.
    """
    middle = QGridLayout(picture)
    middle.addWidget(notice, 0, 0, Qt.AlignmentFlag.AlignCenter)
    left = QWidget()
    column = QVBoxLayout(left)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    column.addWidget(picture, 1)
    column.addWidget(overlays)
    upper = QSplitter(Qt.Orientation.Horizontal)
    upper.setObjectName("live_upper")
    upper.addWidget(left)
    upper.addWidget(table)
    upper.setSizes([500, 780])
    panes = QSplitter(Qt.Orientation.Vertical)
    panes.setObjectName("live_panes")
    panes.addWidget(upper)
    panes.addWidget(timeline)
    panes.setSizes([360, 260])
    for splitter in (upper, panes):
        splitter.setChildrenCollapsible(False)
    layout = QVBoxLayout(view)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    layout.addWidget(controls)
    layout.addWidget(panes, 1)
    layout.addWidget(footer)
    return upper, panes
