"""Files and folders that somebody chooses or drops."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import QUrl
from PyQt6.QtGui import QDropEvent
from PyQt6.QtWidgets import QFileDialog, QWidget

from megc_live.gui.review.agreeing import FILES
from megc_live.gui.review.pages import folder_of_results
from megc_live.review import ReviewDocument, folder_for


def pick_results(parent: QWidget, document: ReviewDocument | None) -> Path | None:
    """Ask for a folder of results, from where the last one was."""
    start = str(document.folder.parent) if document is not None else ""
    chosen = QFileDialog.getExistingDirectory(parent, "Open results", start)
    return Path(chosen) if chosen else None


def pick_video(parent: QWidget, document: ReviewDocument) -> Path | None:
    """Ask where the video of a document is now."""
    start = str(document.folder)
    if document.session.source.kind == "folder":
        chosen = QFileDialog.getExistingDirectory(parent, "Where are the images now?", start)
    else:
        chosen, _ = QFileDialog.getOpenFileName(parent, "Where is the video now?", start)
    return Path(chosen) if chosen else None


def pick_intervals(parent: QWidget, document: ReviewDocument) -> Path | None:
    """Ask for a file of intervals."""
    exported = folder_for(document)
    start = exported if exported.is_dir() else document.folder
    chosen, _ = QFileDialog.getOpenFileName(parent, "Import intervals", str(start), FILES)
    return Path(chosen) if chosen else None


def dropped_results(event: QDropEvent | None) -> Path | None:
    """Return the first folder of results among what is dropped, or None."""
    data = event.mimeData() if event is not None else None
    urls: list[QUrl] = data.urls() if data is not None else []
    found = [folder_of_results(Path(url.toLocalFile())) for url in urls if url.isLocalFile()]
    return next((folder for folder in found if folder is not None), None)
