"""Clips that several test files share: a real face, known movements, the frame number in the pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from megc_live.synthesis.demo import make_demo_clip
from megc_live.synthesis.plan import PlannedEvent
from megc_live.video import open_source
from tests.indexed import write_indexed

# What is tested is what comes out, on whatever computer and beside whatever else: speed is benchmarks/.
hypothesis_settings.register_profile(
    "any computer", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("any computer")


@dataclass(frozen=True)
class FaceClip:
    """A video of the photograph: every frame holds its number in a strip at the bottom."""

    path: Path
    planted: list[PlannedEvent]
    frames: int
    fps: float


@pytest.fixture(scope="session")
def face_clip(tmp_path_factory: pytest.TempPathFactory) -> FaceClip:
    folder = tmp_path_factory.mktemp("face")
    plain = folder / "plain.mp4"
    planted = make_demo_clip(plain, seed=77, seconds=9.0, fps=25.0, size=(400, 320))
    with open_source(plain) as source:
        pictures = [frame.image.rgb() for frame in source]
    path = write_indexed(
        folder / "face.mp4", len(pictures), 25.0, picture=lambda k: pictures[k], options={"crf": "16"}
    )
    return FaceClip(path, planted, len(pictures), 25.0)
