"""Counts of what was read, beside the published ones."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from megc_live.events import LABELS
from training.datasets.base import DATASETS, Corpus, read_dataset

_NEEDS_IMAGES = ("videos",)
"""Counts that an annotation alone cannot give: a video without a movement is not in it."""


def counts(corpus: Corpus, *, images: bool) -> dict[str, int]:
    """Return the counts of a corpus by their names.

    Parameters
    ----------
    corpus : Corpus
    images : bool
        Whether it was read with its images; only then are there ``videos`` or ``clips with images``.

    Examples
    --------
    >>> counts(Corpus("casme2"), images=False)["clips"]
    0
    """
    if DATASETS[corpus.name].capabilities["task"] == "spotting":
        out = {
            "videos": len(corpus.videos),
            "annotated videos": sum(bool(video.truth) for video in corpus.videos),
            "videos with images": sum(bool(video.frames) for video in corpus.videos),
            "subjects": len({video.subject for video in corpus.videos}),
        }
        for kind in ("macro", "micro"):
            out[kind] = sum(e.kind == kind for video in corpus.videos for e in video.truth)
        return {name: n for name, n in out.items() if images or name not in ("videos", "videos with images")}
    out = {"clips": len(corpus.clips), "subjects": len({(c.dataset, c.subject) for c in corpus.clips})}
    for index, label in (*enumerate(LABELS), (None, "other")):
        out[label] = sum(clip.label == index for clip in corpus.clips)
    datasets = list(dict.fromkeys(clip.dataset for clip in corpus.clips))
    if datasets not in ([corpus.name], []):
        for name in datasets:
            for index, label in enumerate(LABELS):
                out[f"{name} {label}"] = sum(c.dataset == name and c.label == index for c in corpus.clips)
    if images:
        out["clips with images"] = sum(bool(clip.frames) for clip in corpus.clips)
    return out


def check_dataset(name: str, root: Path | None, annotations: Path | None) -> dict[str, Any]:
    """Read a data set and compare it with the published counts.

    Where several editions have been published, the one that agrees best is taken, and named.

    Returns
    -------
    dict
        ``name``, ``edition`` (empty: the first), ``agrees``, ``counts`` (``count``, ``read``,
        ``published``, ``agrees``; None where nothing was published) and ``findings``.

    Raises
    ------
    DatasetError
        As :func:`training.datasets.base.read_dataset`.
    """
    corpus = read_dataset(name, root, annotations)
    read = counts(corpus, images=root is not None)
    capabilities = DATASETS[name].capabilities
    editions: dict[str, dict[str, int]] = {"": capabilities["published"], **capabilities.get("editions", {})}
    compared = {edition: _compare(read, known, root is not None) for edition, known in editions.items()}
    edition = min(compared, key=lambda e: sum(row["agrees"] is False for row in compared[e]))
    return {
        "name": name,
        "edition": edition,
        "agrees": all(row["agrees"] is not False for row in compared[edition]),
        "counts": compared[edition],
        "findings": [asdict(finding) for finding in corpus.findings],
    }


def _compare(read: dict[str, int], published: dict[str, int], images: bool) -> list[dict[str, Any]]:
    known = {name: n for name, n in published.items() if images or name not in _NEEDS_IMAGES}
    if images:
        # Every published clip or video should have come with its images.
        whole = "clips" if "clips" in known else "videos"
        known[f"{whole} with images"] = known[whole]
    return [
        {
            "count": name,
            "read": read.get(name, 0),
            "published": known.get(name),
            "agrees": read.get(name, 0) == known[name] if name in known else None,
        }
        for name in dict.fromkeys([*read, *known])
    ]
