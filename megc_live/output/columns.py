"""Every column that is written: its name, unit, meaning and allowed values, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field

from megc_live.events import LABELS
from megc_live.face.regions import REGIONS


@dataclass(frozen=True)
class Column:
    """One column.

    ``unit`` is empty for text and counts; ``levels`` are the allowed values and what they mean.
    """

    name: str
    meaning: str
    unit: str = ""
    levels: dict[str, str] = field(default_factory=dict)


KINDS = {
    "micro": "micro-expression: an involuntary facial movement of under half a second",
    "macro": "a longer facial movement",
}
SOURCES = {"auto": "found by the program", "human": "set or corrected by a person"}

_FRAME = "0-based index of the frame in the source, inclusive"
INTERVAL_COLUMNS: tuple[Column, ...] = (
    Column("id", "number of the event, 1, 2, 3 ... in the order of decision"),
    Column("face_id", "which tracked face"),
    Column("onset_frame", f"first frame of the movement; {_FRAME}", "frame"),
    Column("apex_frame", f"frame of the strongest movement; {_FRAME}", "frame"),
    Column("offset_frame", f"last frame of the movement; {_FRAME}", "frame"),
    Column("onset_s", "the source's own time of the onset frame", "s"),
    Column("apex_s", "the source's own time of the apex frame", "s"),
    Column("offset_s", "the source's own time of the offset frame", "s"),
    Column("kind", "length class of the movement", levels=KINDS),
    Column("score", "the spotter's confidence, 0 to 1; 1 if a person added the interval"),
    Column(
        "label",
        "class with the largest probability, or as a person says; empty without recognition",
        levels={label: f"class {label!r} of MEGC 2019" for label in LABELS},
    ),
    *(
        Column(f"p_{label}", f"the classifier's probability of {label}, 0 to 1; empty without recognition")
        for label in LABELS
    ),
    Column("regions", "facial regions that moved most, strongest first, joined by |"),
    Column("n_dropped", "frames of the source that are missing inside the interval"),
    Column("source", "who made the interval", levels=SOURCES),
    Column("reviewer", "who reviewed it; empty if nobody did"),
)

_PERCENT = "% of eye distance in 0.1 s"
FRAME_COLUMNS: tuple[Column, ...] = (
    Column("frame", "0-based index of the frame in the source", "frame"),
    Column("face_id", "which tracked face; -1 where no face is seen"),
    Column("timestamp", "the source's own time of the frame", "s"),
    Column("confidence", "how certain the face's position is, 0 to 1; 0 without a face"),
    Column("success", "a face is tracked on this frame", levels={"1": "yes", "0": "no"}),
    Column("pose_pitch", "head rotation, positive: chin down", "degree"),
    Column("pose_yaw", "head rotation, positive: turned to the subject's left", "degree"),
    Column("pose_roll", "head rotation, positive: tilted to the subject's left shoulder", "degree"),
    Column("face_x", "left edge of the face box", "px"),
    Column("face_y", "upper edge of the face box", "px"),
    Column("face_w", "width of the face box", "px"),
    Column("face_h", "height of the face box", "px"),
    Column("eye_px", "distance between the eye centres", "px"),
    Column("blink", "eyelid closure, 0 open to 1 closed"),
    Column(
        "blur", "sharpness: standard deviation of the aligned face's Laplacian; low is blurred", "grey level"
    ),
    Column("exposure", "mean grey level of the face, 0 to 255", "grey level"),
    Column("quality", "warnings joined by |: small, turned, dark, bright, blurred; empty if fine"),
    Column("head_motion", "head motion in the last 0.1 s", _PERCENT),
    *(
        Column(f"activity_{region}", f"motion of {region} with the head's motion fitted out", _PERCENT)
        for region in REGIONS
    ),
)

INTERVAL_HEADER: tuple[str, ...] = tuple(column.name for column in INTERVAL_COLUMNS)
FRAME_HEADER: tuple[str, ...] = tuple(column.name for column in FRAME_COLUMNS)

BIDS_COLUMNS: tuple[Column, ...] = (
    Column("onset", "onset of the movement from the first frame's time 0", "s"),
    Column("duration", "from the onset frame's time to the offset frame's time", "s"),
    Column("trial_type", "length class of the movement", levels=KINDS),
    *(column for column in INTERVAL_COLUMNS if column.name not in ("onset_s", "kind")),
)

_STATUS = {
    "open": "nobody has decided",
    "accepted": "a reviewer agrees",
    "rejected": "a reviewer disagrees: kept, but not a result",
}
REVIEW_COLUMNS: tuple[Column, ...] = (
    Column("status", "what the reviewer decided", levels=_STATUS),
    Column("comment", "the reviewer's words"),
    Column("changed", "time of the last change, ISO 8601; empty if there was none"),
)
REVIEW_HEADER: tuple[str, ...] = (*INTERVAL_HEADER, *(column.name for column in REVIEW_COLUMNS))

_REJECTED = {f"rejected_{kind}": f"rejected by a reviewer: no {kind}-expression" for kind in KINDS}
REVIEWED_BIDS_COLUMNS: tuple[Column, ...] = (
    *(
        Column(column.name, column.meaning, column.unit, {**column.levels, **_REJECTED})
        if column.name == "trial_type"
        else column
        for column in BIDS_COLUMNS
    ),
    *REVIEW_COLUMNS,
)
"""As :data:`BIDS_COLUMNS`, with what a reviewer has said."""
