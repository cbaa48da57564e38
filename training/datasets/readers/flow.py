"""The flow images of the composite database, as clips without images."""

from __future__ import annotations

from pathlib import Path

from megc_live.errors import DatasetError
from megc_live.events import LABELS
from training.datasets.base import DATASETS, ClipRecord, Corpus, Finding
from training.datasets.flow_file import CLASS_COUNTS, N_SUBJECTS, load_flow_file

FPS = {"smic": 100.0, "casme2": 200.0, "samm": 200.0}
PUBLISHED: dict[str, int] = {
    "clips": sum(map(sum, CLASS_COUNTS.values())),
    "subjects": N_SUBJECTS,
    **{
        f"{name} {label}": counts[c]
        for name, counts in CLASS_COUNTS.items()
        for c, label in enumerate(LABELS)
    },
}
"""Counts of the composite database (MEGC 2019, Table III)."""


@DATASETS.register(
    "megc2019-flow",
    summary="onset-to-apex flow images of the composite database (npz)",
    task="recognition",
    published=PUBLISHED,
)
def read_flow(root: Path | None, annotations: Path | None) -> Corpus:
    """Read the npz file; see :func:`training.datasets.flow_file.load_flow_file`.

    Raises
    ------
    DatasetError
        There is no file, or it is malformed. Counts are left to ``megc-train check``.
    """
    if annotations is None:
        raise DatasetError("megc2019-flow is one npz file.", "Give it with --annotations FILE.")
    if root is not None:
        raise DatasetError("megc2019-flow has no images.", "Leave --root out.")
    data = load_flow_file(annotations, published_counts=False)
    other = sorted(set(data.dataset.tolist()) - FPS.keys())
    if other:
        raise DatasetError(
            f"{str(annotations)!r} holds the data set {other[0]!r}, expected {', '.join(FPS)}.",
            "Use the challenge's own samples.",
        )
    clips = tuple(
        ClipRecord(dataset, subject, clip, int(label), LABELS[int(label)], "", 0, None, 0, FPS[dataset])
        for dataset, subject, clip, label in zip(
            data.dataset.tolist(), data.subject.tolist(), data.clip.tolist(), data.label, strict=True
        )
    )
    return Corpus("megc2019-flow", clips, findings=(without_frames(annotations),))


def without_frames(path: Path) -> Finding:
    """Return the finding of a file that lists clips without their frame numbers."""
    return Finding(path.name, None, "onset, apex, offset", "none in this file", "left at 0, none and 0")
