"""The tiny corpus of clips, written and aligned once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.tiny_clips import make_tiny_corpus
from training.datasets.clip_layouts import LAYOUTS
from training.recognition.clip_data import ClipData, load_clips


@pytest.fixture(scope="session")
def tiny_corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the corpus as ``smic``, ``casme2`` and ``samm``, and ``cache`` for their crops."""
    out = tmp_path_factory.mktemp("tiny")
    make_tiny_corpus(out / "corpus")
    for name in ("smic", "casme2", "samm"):
        LAYOUTS[name](out / "corpus", out / name)
    return out


@pytest.fixture(scope="session")
def tiny_smic(tiny_corpora: Path) -> ClipData:
    """The clips of ``smic``."""
    return load_clips("smic", tiny_corpora / "smic", tiny_corpora / "cache")
