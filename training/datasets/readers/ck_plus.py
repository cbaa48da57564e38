"""CK+: posed expressions from the neutral face to the peak, used to pre-train."""

from __future__ import annotations

import math
from pathlib import Path

from megc_live.errors import DatasetError
from training.datasets.base import DATASETS, ClipRecord, Corpus, Finding
from training.datasets.readers.images import check_folder, numbered

EMOTIONS = ("neutral", "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
"""By their code, 0 to 7."""
_LABELS = {**dict.fromkeys(("anger", "contempt", "disgust", "fear", "sadness"), 0), "happy": 1, "surprise": 2}
FPS = 30.0


@DATASETS.register(
    "ck_plus",
    summary="CK+: folders cohn-kanade-images/S005/001 and Emotion/S005/001",
    task="recognition",
    published={"clips": 327, "subjects": 118, "negative": 175, "positive": 69, "surprise": 83},
)
def read_ck_plus(root: Path | None, annotations: Path | None) -> Corpus:
    """Read the labelled sequences of CK+ (Lucey et al. 2010): onset the first image, apex the last.

    Sadness is negative here. The winner's released map of MEGC 2019 sends it to positive, apparently a slip.

    Raises
    ------
    DatasetError
        A folder is missing, or a label cannot be used.
    """
    if root is None or annotations is not None:
        raise DatasetError(
            "CK+ has a label file for each sequence.", "Give --root PATH and no --annotations."
        )
    check_folder(root)
    images, emotions = root / "cohn-kanade-images", root / "Emotion"
    for folder in (images, emotions):
        if not folder.is_dir():
            raise DatasetError(f"there is no folder {str(folder)!r}.", "Unpack both archives side by side.")
    clips: list[ClipRecord] = []
    findings: list[Finding] = []
    unlabelled = 0
    for folder in sorted(path for path in images.glob("*/*") if path.is_dir()):
        subject, sequence = folder.parent.name, folder.name
        emotion = _emotion(emotions / subject / sequence)
        if not emotion:
            unlabelled += 1
            continue
        paths, numbers = numbered(folder)
        if not paths:
            findings.append(Finding(f"{subject}_{sequence}", None, "images", "none", "left out"))
            continue
        first, last = numbers[0], numbers[-1]
        clips.append(
            ClipRecord(
                "ck_plus",
                subject,
                f"{subject}_{sequence}",
                _LABELS.get(emotion),
                emotion,
                "",
                first,
                last,
                last,
                FPS,
                paths,
                numbers,
            )
        )
    if not clips:
        raise DatasetError(f"no labelled sequence of CK+ in {str(root)!r}.", "Give the release's folder.")
    if unlabelled:
        read = f"{unlabelled} sequences without a label"
        findings.insert(0, Finding("Emotion", None, "label", read, "left out"))
    return Corpus("ck_plus", tuple(clips), findings=tuple(findings))


def _emotion(folder: Path) -> str:
    """Return the emotion of a sequence, empty if it has none: the file holds one number, 1 to 7."""
    files = sorted(folder.glob("*.txt")) if folder.is_dir() else []
    if not files:
        return ""
    if len(files) > 1:
        raise DatasetError(f"{str(folder)!r} holds {len(files)} labels, expected one.", "Keep the right one.")
    try:
        code = float(files[0].read_text(encoding="ascii"))
    except (OSError, ValueError):
        code = math.nan
    if code not in range(len(EMOTIONS)):
        raise DatasetError(
            f"{str(files[0])!r} does not hold a code from 0 to {len(EMOTIONS) - 1}.", "Use the released file."
        )
    return EMOTIONS[int(code)]
