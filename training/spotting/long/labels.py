"""Emotion labels of spotted micro-expressions, by a recogniser that ships."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from megc_live.errors import SourceError
from megc_live.face.landmarks import Landmarker
from megc_live.models import ModelStore
from megc_live.recognition.classifier import make_recognizer
from megc_live.recognition.pipeline import IntervalRecognizer
from megc_live.video.folder import read_image
from training.datasets.readers.images import numbered
from training.spotting.long.videos import Recorded

Rows = list[dict[str, Any]]


def with_labels(
    items: Sequence[Recorded], found: Mapping[str, Rows], recognizer: str, models: ModelStore | None = None
) -> dict[str, Rows]:
    """Add ``label`` to micro-expressions, from the images at their onset and apex.

    An interval in whose images no face is found keeps an empty label.

    Parameters
    ----------
    items : sequence of Recorded
    found : mapping of str to list of dict
        Of each video: rows as :func:`training.spotting.long.videos.span_row` makes them.
    recognizer : str
        Name in :data:`megc_live.recognition.classifier.RECOGNIZERS`.

    Raises
    ------
    ModelError
        The model is missing or altered.
    SourceError
        An image cannot be read.
    """
    models = models or ModelStore()
    classifier = IntervalRecognizer(make_recognizer(recognizer, models))
    labelled = {}
    with Landmarker(models.landmarker()) as landmarker:
        for item in items:
            images = numbered(item.images)[0]
            labelled[item.video] = [
                {
                    **row,
                    "label": _label(classifier, landmarker, images, row) if row["kind"] == "micro" else "",
                }
                for row in found[item.video]
            ]
    return labelled


def _label(
    classifier: IntervalRecognizer, landmarker: Landmarker, images: Sequence[Path], row: Mapping[str, Any]
) -> str:
    onset, onset_points = _face(landmarker, images[row["onset"]])
    apex, apex_points = _face(landmarker, images[row["apex"]])
    if onset_points is None or apex_points is None:
        return ""
    return classifier.recognise(onset, onset_points, apex, apex_points).label


def _face(landmarker: Landmarker, path: Path) -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]:
    """Grey picture (height, width) of an image file, and the mesh points (478, 3) of its face."""
    image = read_image(path)
    if image is None:
        raise SourceError(f"the image {str(path)!r} cannot be read.", "Replace it.")
    faces = landmarker.detect(image.rgb())
    return image.grey, faces[0] if faces else None
