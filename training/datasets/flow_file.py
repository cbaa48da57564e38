"""The file of onset-apex flow images of the MEGC 2019 composite database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from megc_live.errors import DatasetError
from megc_live.events import LABELS

CLASS_COUNTS = {
    "smic": (70, 51, 43),
    "casme2": (88, 32, 25),
    "samm": (92, 26, 15),
}
"""Published counts per data set: negative, positive, surprise (MEGC 2019, Table III)."""
N_SUBJECTS = 68

_ARRAYS = ("flow", "label", "subject", "dataset", "clip")
_LAYOUT = (
    "Give an npz file with flow (n, 28, 28, 3) uint8, label (n) in 0, 1, 2, and subject, dataset and clip "
    "(n) as text."
)


@dataclass(frozen=True)
class FlowData:
    """Flow images with their labels.

    Attributes
    ----------
    flow : ndarray of uint8, shape (n, 28, 28, 3)
        Channels u, v, strain, each scaled to 0 .. 255 per image.
    label : ndarray of int64, shape (n,)
        0 negative, 1 positive, 2 surprise.
    subject, dataset, clip : ndarray of str, shape (n,)
    """

    flow: NDArray[np.uint8]
    label: NDArray[np.int64]
    subject: NDArray[np.str_]
    dataset: NDArray[np.str_]
    clip: NDArray[np.str_]

    @property
    def group(self) -> NDArray[np.str_]:
        """Data set and subject: what leave-one-subject-out leaves out."""
        return np.char.add(np.char.add(self.dataset, "/"), self.subject)

    def subset(self, where: NDArray[np.bool_] | NDArray[np.integer]) -> FlowData:
        """Return the samples at a mask or at indices."""
        return FlowData(
            self.flow[where], self.label[where], self.subject[where], self.dataset[where], self.clip[where]
        )

    def relabelled(self, label: NDArray[np.int64]) -> FlowData:
        """Return the same samples with other labels."""
        return FlowData(self.flow, label, self.subject, self.dataset, self.clip)

    def __len__(self) -> int:
        return len(self.label)


def load_flow_file(path: Path, *, published_counts: bool = True) -> FlowData:
    """Read an npz file with the arrays flow, label, subject, dataset, clip.

    Parameters
    ----------
    path : Path
    published_counts : bool
        Insist on the challenge's counts: 442 samples, 68 subjects, Table III's classes.

    Raises
    ------
    DatasetError
        The file or an array is missing or malformed, or counts differ.
    """
    data = _arrays(path)
    flow, label = data["flow"], data["label"]
    if flow.dtype != np.uint8 or flow.ndim != 4 or flow.shape[1:] != (28, 28, 3):
        raise DatasetError(
            f"flow in {str(path)!r} is {flow.dtype} {flow.shape}, expected uint8 (n, 28, 28, 3).", _LAYOUT
        )
    for name in _ARRAYS[1:]:
        if data[name].shape != flow.shape[:1]:
            raise DatasetError(
                f"{name} in {str(path)!r} has the shape {data[name].shape}, expected {flow.shape[:1]}.",
                _LAYOUT,
            )
    if not np.issubdtype(label.dtype, np.integer) or not np.isin(label, range(len(LABELS))).all():
        raise DatasetError(f"label in {str(path)!r} holds values other than 0, 1 and 2.", _LAYOUT)
    out = FlowData(
        flow, label.astype(np.int64), *(data[name].astype(str) for name in ("subject", "dataset", "clip"))
    )
    if published_counts:
        _check_counts(path, out)
    return out


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as stream:
            if stream.read(4) not in (b"PK\x03\x04", b"PK\x05\x06"):
                raise DatasetError(f"{str(path)!r} is not an npz file.", _LAYOUT)
            stream.seek(0)
            file = np.load(stream, allow_pickle=False)
            missing = [name for name in _ARRAYS if name not in file.files]
            if missing:
                raise DatasetError(f"{str(path)!r} has no array {', '.join(missing)}.", _LAYOUT)
            return {name: file[name] for name in _ARRAYS}
    except DatasetError:
        raise
    except Exception as error:  # a damaged file raises whatever the part that stumbles over it raises
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DatasetError(f"cannot read {str(path)!r}: {reason}.", _LAYOUT) from None


def _check_counts(path: Path, data: FlowData) -> None:
    known = "Use the challenge's own 442 samples."
    other = sorted(set(data.dataset.tolist()) - CLASS_COUNTS.keys())
    if other:
        raise DatasetError(
            f"{str(path)!r} holds the data set {other[0]!r}, published are {', '.join(CLASS_COUNTS)}.", known
        )
    for name, expected in CLASS_COUNTS.items():
        found = tuple(int(((data.dataset == name) & (data.label == c)).sum()) for c in range(len(LABELS)))
        if found != expected:
            raise DatasetError(
                f"{str(path)!r} holds {found} of {name} (negative, positive, surprise), "
                f"published are {expected}.",
                known,
            )
    subjects = len(np.unique(data.group))
    if subjects != N_SUBJECTS:
        raise DatasetError(f"{str(path)!r} holds {subjects} subjects, published are {N_SUBJECTS}.", known)
