"""Clips of a corpus for recognisers: aligned once, kept in a folder, loaded one by one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from megc_live.errors import DatasetError, SettingsError
from training.datasets.base import DATASETS, ClipRecord, Corpus, Finding, read_dataset
from training.processes import in_processes
from training.recognition.apex import RULES, middle_apex
from training.recognition.clip_align import cache_path, keep, read_arrays

Progress = Callable[[int, int, str], None]

UNLABELLED = -1
"""In :attr:`ClipData.label`: none of the three classes, or not to be seen."""
_BATCH = 8
_ANNOTATED = "annotated"


@dataclass(frozen=True)
class Clip:
    """One sample, aligned by the landmarks of its onset, the same transform for all frames.

    Attributes
    ----------
    dataset, subject, clip : str
    label : int or None
        0 negative, 1 positive, 2 surprise; None: none of them, or not to be seen.
    fps : float
        Frames per second.
    frames : ndarray of uint8, shape (t, height, width, 3)
        R, G, B: square face crops (224 x 224) from onset to offset.
    points : ndarray of float32, shape (478, 2)
        Mesh points of the onset: x to the right, y down, pixels of the crop.
    onset, apex, offset : int
        Positions in ``frames``.
    apex_rule : str
        ``annotated``, or the rule of :data:`training.recognition.apex.RULES` that found it.
    """

    dataset: str
    subject: str
    clip: str
    label: int | None
    fps: float
    frames: NDArray[np.uint8]
    points: NDArray[np.float32]
    onset: int
    apex: int
    offset: int
    apex_rule: str


@dataclass(frozen=True)
class ClipData:
    """Clips with their labels; the pictures stay on disk until :meth:`load`.

    Attributes
    ----------
    dataset, subject, clip : ndarray of str, shape (n,)
    label : ndarray of int64, shape (n,)
        0 negative, 1 positive, 2 surprise, :data:`UNLABELLED`.
    files : tuple of Path
        npz files of :func:`training.recognition.clip_align.keep`.
    apex_rule : str
        For clips without an annotated apex.
    findings : tuple of Finding
        What the reader noticed, and the clips that were left out; of whole corpora only.
    """

    dataset: NDArray[np.str_]
    subject: NDArray[np.str_]
    clip: NDArray[np.str_]
    label: NDArray[np.int64]
    files: tuple[Path, ...]
    apex_rule: str = RULES[0]
    findings: tuple[Finding, ...] = ()

    @property
    def group(self) -> NDArray[np.str_]:
        """Data set and subject: what leave-one-subject-out leaves out."""
        return np.char.add(np.char.add(self.dataset, "/"), self.subject)

    def subset(self, where: NDArray[np.bool_] | NDArray[np.integer]) -> ClipData:
        """Return the clips at a mask or at indices."""
        chosen = np.arange(len(self))[where]
        return ClipData(
            self.dataset[chosen],
            self.subject[chosen],
            self.clip[chosen],
            self.label[chosen],
            tuple(self.files[k] for k in chosen),
            self.apex_rule,
        )

    def relabelled(self, label: NDArray[np.int64]) -> ClipData:
        """Return the same clips with other labels."""
        return replace(self, label=label)

    def load(self, index: int) -> Clip:
        """Read one clip.

        Raises
        ------
        DatasetError
            Its file is gone or damaged.
        """
        names = ("frames", "points", "fps", "apex", "apex_cells")
        frames, points, fps, annotated, cells = read_arrays(self.files[index], *names)
        found = int(cells) if self.apex_rule == "cells" else middle_apex(len(frames))
        known = int(annotated) >= 0
        label = int(self.label[index])
        return Clip(
            dataset=str(self.dataset[index]),
            subject=str(self.subject[index]),
            clip=str(self.clip[index]),
            label=None if label == UNLABELLED else label,
            fps=float(fps),
            frames=np.repeat(frames, 3, axis=-1) if frames.shape[-1] == 1 else frames,
            points=points,
            onset=0,
            apex=int(annotated) if known else found,
            offset=len(frames) - 1,
            apex_rule=_ANNOTATED if known else self.apex_rule,
        )

    def source(self, index: int) -> str:
        """What a clip's pictures and apex are, in short: the same on every machine.

        Raises
        ------
        DatasetError
            Its file is gone or damaged.
        """
        digest, annotated = read_arrays(self.files[index], "digest", "apex")
        return f"{digest} {_ANNOTATED if int(annotated) >= 0 else self.apex_rule}"

    def digest(self) -> str:
        """SHA-256 of the clips' names, labels, pictures and apexes: the same on every machine."""
        whole = hashlib.sha256()
        names = zip(self.dataset, self.subject, self.clip, self.label, strict=True)
        for k, (dataset, subject, clip, label) in enumerate(names):
            whole.update(f"{dataset}/{subject}/{clip}/{label}/{self.source(k)}\n".encode())
        return whole.hexdigest()

    def __len__(self) -> int:
        return len(self.label)


def load_clips(
    corpus_name: str,
    root: Path,
    cache: Path,
    jobs: int = 1,
    progress: Progress = lambda done, total, name: None,
    *,
    apex_rule: str = RULES[0],
) -> ClipData:
    """Read a corpus of clips and align its faces, or take them from the cache.

    The largest face of the onset's image is taken. Clips of none of the three classes are left out, but
    for CK+; so are clips without a face or with images that are missing or cannot be read. Each such clip
    is a finding.

    Parameters
    ----------
    corpus_name : str
        smic, casme2, samm, composite or ck_plus.
    root : Path
        Folder of the release.
    cache : Path
        Folder for the crops; a file is made anew when the clip's images, its annotation or the code
        change. It holds faces: the data set's licence applies to it.
    jobs : int
        Processes.
    progress : callable
        Called with (clips done, clips in all, name).
    apex_rule : str
        For clips without an annotated apex.

    Raises
    ------
    SettingsError
        Not a corpus of clips, or no such rule.
    DatasetError
        The corpus cannot be read, or no clip of it can be used.
    """
    if apex_rule not in RULES:
        raise SettingsError(
            f"there is no rule {apex_rule!r} for the apex.", f"Choose one of: {', '.join(RULES)}."
        )
    corpus = read_dataset(corpus_name, root)
    capabilities = DATASETS[corpus_name].capabilities
    if capabilities["task"] != "recognition" or not corpus.clips:
        raise SettingsError(
            f"{corpus_name} holds no clips.", "Give smic, casme2, samm, composite or ck_plus."
        )
    records, others = _chosen(corpus)
    failures = _kept(records, cache, jobs, progress)
    good = [record for record, failure in zip(records, failures, strict=True) if failure is None]
    lost = tuple(failure for failure in failures if failure is not None)
    if not good:
        reason = f": {lost[0].where}: {lost[0].read}" if lost else ""
        raise DatasetError(
            f"no clip of {corpus_name} in {str(root)!r} can be used{reason}.", "Give the release's folder."
        )
    return ClipData(
        dataset=np.array([record.dataset for record in good]),
        subject=np.array([record.subject for record in good]),
        clip=np.array([record.clip for record in good]),
        label=np.array([UNLABELLED if r.label is None else r.label for r in good], dtype=np.int64),
        files=tuple(cache_path(record, cache) for record in good),
        apex_rule=apex_rule,
        findings=(*corpus.findings, *others, *lost),
    )


def _chosen(corpus: Corpus) -> tuple[list[ClipRecord], list[Finding]]:
    """Clips of the three classes, all clips of CK+, and what was left out."""
    if corpus.name == "ck_plus":
        return list(corpus.clips), []
    records = [clip for clip in corpus.clips if clip.label is not None]
    rest = sorted({clip.emotion for clip in corpus.clips if clip.label is None})
    if not rest:
        return records, []
    count = len(corpus.clips) - len(records)
    read = f"{count} clips of none of the three classes: {', '.join(rest)}"
    return records, [Finding(corpus.name, None, "label", read, "left out")]


def _kept(records: Sequence[ClipRecord], cache: Path, jobs: int, progress: Progress) -> list[Finding | None]:
    batches = [records[k : k + _BATCH] for k in range(0, len(records), _BATCH)]
    out: list[Finding | None] = []
    for found in in_processes((partial(keep, batch, cache) for batch in batches), jobs, in_order=True):
        out += found
        last = records[len(out) - 1]
        progress(len(out), len(records), f"{last.subject} {last.clip}")
    return out
