"""Review of results by people: edits with undo, kept as they are made; agreement; import and export."""

from __future__ import annotations

from megc_live.output.reviewed import STATUSES, ReviewInterval, Status
from megc_live.review.document import ReviewDocument
from megc_live.review.edits import (
    Add,
    Comment,
    Edit,
    Import,
    Merge,
    SetKind,
    SetLabel,
    SetRecognition,
    SetStatus,
    SetTimes,
    Split,
    describe,
)
from megc_live.review.footage import FaceRows, Footage

__all__ = [
    "STATUSES",
    "Add",
    "Comment",
    "Edit",
    "FaceRows",
    "Footage",
    "Import",
    "Merge",
    "ReviewDocument",
    "ReviewInterval",
    "SetKind",
    "SetLabel",
    "SetRecognition",
    "SetStatus",
    "SetTimes",
    "Split",
    "Status",
    "describe",
]
