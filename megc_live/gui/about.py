"""About: versions, licences, and what the program is not for."""

from __future__ import annotations

from html import escape
from importlib.metadata import PackageNotFoundError, metadata, version

from PyQt6.QtCore import PYQT_VERSION_STR, QT_VERSION_STR
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

from megc_live import __version__
from megc_live.gui.start_parts import label
from megc_live.output.session import PURPOSE_NOTICE, library_versions

_PARTS = {
    "PyQt6": "GPL-3.0",
    "pyqtgraph": "MIT",
    "mediapipe": "Apache-2.0",
    "onnxruntime": "MIT",
    "opencv-python": "Apache-2.0",
    "av": "BSD-3-Clause",
    "numpy": "BSD-3-Clause",
    "scipy": "BSD-3-Clause",
    "scikit-image": "BSD-3-Clause",
    "pydantic": "MIT",
    "matplotlib": "PSF-based",
    "pympi-ling": "MIT",
    "pylsl": "MIT",
}
"""What is in use at run time, with the licence to name where a package does not state one."""
_LIMITS = (
    "<p>It finds movements worth looking at; a person should look at them. Talking, chewing, blinks, turned "
    "or small faces, compression and low light cost accuracy. How accuracy differs between groups of "
    "people has not been established. The classifier was fitted on corpora that are licensed for research "
    "only: <b>research use only</b>.</p>"
    "<p>Everything runs on this computer. There is no telemetry.</p>"
)


class AboutDialog(QDialog):
    """Name, notice, versions and licences; the text can be copied for a report.

    Parameters
    ----------
    parent : QWidget, optional
        The window above which it is shown.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("About megc-live")
        self.resize(640, 560)
        self.text = QTextBrowser()
        self.text.setOpenExternalLinks(False)
        self.text.setHtml(_page())
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = buttons.addButton("&Copy", QDialogButtonBox.ButtonRole.ActionRole)
        if copy is not None:
            copy.setToolTip("Copy this text, for example for a report of a fault")
            copy.clicked.connect(self.copy_text)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(label(f"megc-live {__version__}", "title"))
        layout.addWidget(label("Finds, times and classifies facial micro-expressions."))
        layout.addWidget(self.text, 1)
        layout.addWidget(buttons)

    def copy_text(self) -> None:
        """Put the text on the clipboard."""
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(f"megc-live {__version__}\n{self.text.toPlainText()}")


def licences() -> list[tuple[str, str, str]]:
    """Return name, version and licence of the parts in use; those that are not installed are left out."""
    rows = []
    for name, known in _PARTS.items():
        try:
            found = metadata(name)
        except PackageNotFoundError:
            continue
        stated = next(iter(found.get_all("License-Expression", [])), "")
        rows.append((name, version(name), stated or known))
    return rows


def _page() -> str:
    versions = library_versions() | {"Qt": QT_VERSION_STR, "PyQt6": PYQT_VERSION_STR}
    listed = ", ".join(f"{escape(name)} {escape(found)}" for name, found in versions.items())
    rows = "".join(
        f"<tr><td>{escape(name)}&nbsp;&nbsp;</td><td>{escape(number)}&nbsp;&nbsp;</td>"
        f"<td>{escape(licence)}</td></tr>"
        for name, number, licence in licences()
    )
    return (
        f"<p><b>{escape(PURPOSE_NOTICE)}</b></p>{_LIMITS}"
        f"<h3>Versions</h3><p>{listed}</p>"
        "<h3>Licences</h3><p>megc-live is free software under the GNU General Public License, version 3 or "
        "later; it comes with no warranty.</p>"
        f"<table>{rows}</table>"
        "<p>Face landmarks: Google MediaPipe face_landmarker.task, Apache-2.0. Demo clip: photograph of "
        "Eileen Collins, NASA, public domain.</p>"
    )
