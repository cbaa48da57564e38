"""One real landmarker for all tests of faces."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from megc_live.face.landmarks import Landmarker
from megc_live.models import ModelStore


@pytest.fixture(scope="session")
def landmarker() -> Iterator[Landmarker]:
    with Landmarker(ModelStore().landmarker(), max_faces=4) as made:
        yield made
