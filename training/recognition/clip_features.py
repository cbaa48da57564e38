"""What is computed of each clip alone: flow images, rows of features. Kept beside the clip's crops."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from megc_live.errors import DatasetError
from megc_live.output.files import write_whole
from megc_live.recognition.crop import CROP_SIZE, crop_transform, cut
from megc_live.recognition.flow import dense_flow, image_of_flow
from training.datasets.flow_file import FlowData
from training.processes import in_processes
from training.recognition.clip_align import read_arrays
from training.recognition.clip_data import Clip, ClipData, Progress

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]

VERSION = 1
"""Of what is computed here and by the callers of :func:`computed`; rows of another version are made anew."""


def grey_crops(clip: Clip, positions: tuple[int, ...] | None = None) -> U8:
    """Grey crops of STSTNet's size, shape (t, 170, 140), of all frames or of those at some positions."""
    transform = crop_transform(clip.points)
    chosen = clip.frames if positions is None else clip.frames[list(positions)]
    return np.stack(
        [cut(np.asarray(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY), np.uint8), transform) for f in chosen]
    )


def flow_settings() -> dict[str, Any]:
    """Settings of :func:`flow_from_clips`, for reports."""
    return {
        "flow": "TV-L1, onset to apex",
        "made by": "OpenCV" if hasattr(cv2, "optflow") else "scikit-image",
        "crop": f"{CROP_SIZE[0]} x {CROP_SIZE[1]}",
        "head motion": "left in",
    }


def full_flows(data: ClipData, jobs: int = 1, progress: Progress = lambda done, total, name: None) -> F32:
    """TV-L1 flow from onset to apex in the crop's size, shape (n, 170, 140, 2): u, v in pixels."""
    return np.asarray(computed(data, "flow", flow_settings(), _full_flow, jobs, progress), dtype=np.float32)


def _full_flow(clip: Clip) -> F32:
    onset, apex = grey_crops(clip, (clip.onset, clip.apex))
    return dense_flow(onset, apex, "tvl1")


def flow_from_clips(
    data: ClipData, jobs: int = 1, progress: Progress = lambda done, total, name: None
) -> FlowData:
    """Flow images of clips as those published for MEGC 2019, in the clips' order.

    TV-L1 with OpenCV's defaults from onset to apex on crops of 170 x 140, not freed of the head's motion.

    Parameters
    ----------
    data : ClipData
        Of the three classes.
    jobs : int
        Processes.
    progress : callable
        Called with (clips done, clips in all, name).

    Raises
    ------
    DatasetError
        A clip's file is gone or damaged, or a clip has no class.
    """
    if (data.label < 0).any():
        name = data.clip[int(np.argmax(data.label < 0))]
        raise DatasetError(f"the clip {name} has none of the three classes.", "Leave it out.")
    # As the published images are: nothing is fitted out of the flow.
    images = np.stack([image_of_flow(flow) for flow in full_flows(data, jobs, progress)])
    return FlowData(images, data.label, data.subject, data.dataset, data.clip)


def computed(
    data: ClipData,
    name: str,
    settings: Mapping[str, Any],
    of: Callable[[Clip], NDArray[Any]],
    jobs: int = 1,
    progress: Progress = lambda done, total, name: None,
) -> NDArray[Any]:
    """Compute an array of each clip, or take it from the file beside the clip's crops.

    Parameters
    ----------
    data : ClipData
    name : str
        Part of the files' names.
    settings : mapping
        All that ``of`` depends on besides the clip.
    of : callable
        Can be sent to a process.
    jobs, progress
        As for :func:`flow_from_clips`.

    Returns
    -------
    ndarray, shape (n, ...)
    """
    tail = hashlib.sha256(json.dumps([VERSION, settings], sort_keys=True, default=str).encode())
    label = f"{name}-{tail.hexdigest()[:8]}"
    calls = (partial(_one, data.subset(np.array([k])), label, of) for k in range(len(data)))
    rows = []
    for row in in_processes(calls, jobs, in_order=True):
        rows.append(row)
        progress(len(rows), len(data), f"{name} {data.clip[len(rows) - 1]}")
    return np.stack(rows)


def _one(data: ClipData, label: str, of: Callable[[Clip], NDArray[Any]]) -> NDArray[Any]:
    path = data.files[0].with_name(f"{data.files[0].stem}.{label}.npz")
    source = data.source(0)
    with suppress(DatasetError):  # not there, or not whole: made below
        made_of, row = read_arrays(path, "source", "row")
        if str(made_of) == source:
            return row
    row = of(data.load(0))
    stream = io.BytesIO()
    np.savez(stream, row=row, source=np.array(source))
    write_whole(path, stream.getvalue())
    return row
