"""The portrait, its mesh points, and a small still of it."""

from __future__ import annotations

import numpy as np
import pytest

from megc_live.synthesis.demo import portrait
from megc_live.synthesis.photo import LivingPhoto, animate_photo


@pytest.fixture(scope="session")
def face():
    """R G B pixels and mesh points of the portrait."""
    return portrait()


@pytest.fixture(scope="session")
def still(face) -> LivingPhoto:
    """A clip of one second in which nothing moves: 256 x 256, eye distance 64 px."""
    rgb, points = face
    return animate_photo(
        rgb, points, 1.0, 30.0, np.random.default_rng(0), size=(256, 256), eye_px=64.0,
        liveliness=0.0, blinks_per_min=0.0,
    )  # fmt: skip
