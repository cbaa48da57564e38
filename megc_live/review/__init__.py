"""Review of results by people: edits with undo, kept as they are made; agreement; import and export."""

from __future__ import annotations

from megc_live.output.reviewed import STATUSES, ReviewInterval, Status
from megc_live.review.agreement import Agreement, agreement
from megc_live.review.document import ReviewDocument
from megc_live.review.earlier import (
    FORMATS,
    Earlier,
    earlier_export,
    folder_for,
    free_folder_for,
    replaced_by,
)
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
    Several,
    Split,
    describe,
)
from megc_live.review.exported import REVIEW, ExportedError
from megc_live.review.exporting import export
from megc_live.review.footage import FaceRows, Footage
from megc_live.review.importing import Imported, import_intervals
from megc_live.review.journal import JournalError, set_aside
from megc_live.review.look import LookStopped
from megc_live.review.pictures import (
    aligned_faces,
    clip_frames,
    flow_picture,
    interval_pictures,
    magnified_clip,
    reclassify,
)

__all__ = [
    "FORMATS",
    "REVIEW",
    "STATUSES",
    "Add",
    "Agreement",
    "Comment",
    "Earlier",
    "Edit",
    "ExportedError",
    "FaceRows",
    "Footage",
    "Import",
    "Imported",
    "JournalError",
    "LookStopped",
    "Merge",
    "ReviewDocument",
    "ReviewInterval",
    "SetKind",
    "SetLabel",
    "SetRecognition",
    "SetStatus",
    "SetTimes",
    "Several",
    "Split",
    "Status",
    "agreement",
    "aligned_faces",
    "clip_frames",
    "describe",
    "earlier_export",
    "export",
    "flow_picture",
    "folder_for",
    "free_folder_for",
    "import_intervals",
    "interval_pictures",
    "magnified_clip",
    "reclassify",
    "replaced_by",
    "set_aside",
]
