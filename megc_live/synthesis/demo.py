"""The demo clip: a photograph in the public domain with known micro-expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.data import astronaut

from megc_live.errors import ModelError
from megc_live.face.landmarks import Landmarker
from megc_live.models import ModelStore
from megc_live.synthesis.camera import Camera
from megc_live.synthesis.photo import animate_photo
from megc_live.synthesis.plan import EXPRESSIVE_KINDS, PlannedEvent, draw_plan
from megc_live.synthesis.write import write_clip
from megc_live.video.frame import PixelImage

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]

DEMO_CAMERA = Camera(drift_px=0.4, read_noise=0.7, shot_noise=0.9, grain=0.4, crf=17)


def portrait() -> tuple[U8, F32]:
    """Return a portrait (NASA, public domain), shape (512, 512, 3), R G B, and its 478 mesh points.

    Raises
    ------
    ModelError
        The landmarker is missing or finds no face.
    """
    rgb = np.asarray(astronaut(), dtype=np.uint8)  # type: ignore[no-untyped-call]
    with Landmarker(ModelStore().landmarker()) as landmarker:
        faces = landmarker.detect(rgb)
    if not faces:
        raise ModelError(
            "the landmarker finds no face in the demo's portrait.", "Run `megc-live models verify`."
        )
    return rgb, faces[0]


def make_demo_clip(
    path: Path,
    *,
    seed: int,
    seconds: float = 45.0,
    fps: float = 30.0,
    size: tuple[int, int] = (640, 480),
    report: Callable[[float], None] | None = None,
) -> list[PlannedEvent]:
    """Render and write the demo clip.

    Parameters
    ----------
    path : Path
        MP4 to write.
    seed : int
        The same seed gives the same clip.
    seconds, fps : float
        Length and rate. In 45 s there are 10 micro- and 2 macro-expressions.
    size : tuple of int
        Width and height, even.
    report : callable, optional
        Told after each frame how much is done, 0 to 1.

    Returns
    -------
    list of PlannedEvent
        What was planted, negatives among them, in order of onset.

    Raises
    ------
    ModelError
        No landmarker.
    OutputError
        The clip cannot be written.
    """
    rgb, points = portrait()
    plan_rng, life_rng, render_rng = np.random.default_rng(seed).spawn(3)
    share = seconds / 45.0
    full = {"micro": 10, "macro": 2, "step": 1, "sham": 1, "head": 3, "light": 2}
    counts = {kind: max(1, round(n * share)) for kind, n in full.items()}
    plan = draw_plan(plan_rng, seconds, fps, counts=counts, micro_amplitude=(0.018, 0.035))
    busy = [(e.onset_s, e.offset_s) for e in plan if e.kind in EXPRESSIVE_KINDS and e.kind != "step"]
    eye_px = 0.19 * min(size[1], size[0] * 0.75)
    photo = animate_photo(
        rgb, points, seconds, fps, life_rng, size=size, eye_px=eye_px, liveliness=0.6, avoid=busy
    )
    frames: Iterable[PixelImage] = photo.frames(plan, rng=render_rng, camera=DEMO_CAMERA)
    if report is not None:
        frames = _reported(frames, len(photo.times_s), report)
    write_clip(path, frames, fps=fps, crf=DEMO_CAMERA.crf)
    return plan


def _reported(
    frames: Iterable[PixelImage], total: int, report: Callable[[float], None]
) -> Iterator[PixelImage]:
    for number, frame in enumerate(frames, 1):
        yield frame
        report(number / total)
