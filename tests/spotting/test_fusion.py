"""LTP-ML's fusion on cases worked by hand."""

from __future__ import annotations

import numpy as np

from megc_live.face.regions import REGIONS
from megc_live.spotting import fusion


def mask(text: str) -> np.ndarray:
    return np.array([c == "1" for c in text])


def test_thin_chunks_go_where_thick_ones_are() -> None:
    assert (fusion.remove_isolated(mask("1000001110"), 3, 2) == mask("0000001110")).all()


def test_thin_chunks_stay_where_all_are_thin() -> None:
    assert (fusion.remove_isolated(mask("1000010000"), 3, 2) == mask("1000010000")).all()
    assert (fusion.remove_isolated(mask("0001110000"), 3, 2) == mask("0001110000")).all()


def test_a_single_chunk_stays() -> None:
    assert (fusion.remove_isolated(mask("0100"), 2, 5) == mask("0100")).all()


def test_the_whole_forehead_or_the_nose_is_no_micro_expression() -> None:
    frames = np.zeros((4, len(REGIONS)), bool)
    frames[0, :6] = True
    frames[1, [6, 7]] = True
    frames[2, [0, 1]] = True
    frames[3, 8] = True
    assert fusion.fuse_regions(frames).tolist() == [False, False, True, True]


def test_qualification_wants_much_motion_and_a_full_pattern() -> None:
    patterns = np.array([[0.2, 0.95], [0.2, 0.8], [0.9, 1.0]])
    cn = np.array([1.0, 1.0, 8.0])
    assert fusion.qualified(patterns, cn).tolist() == [True, False, False]


def test_blocks() -> None:
    assert fusion.block_interval(mask("0011011000"), 0.4) == (2, 6)
    assert fusion.block_interval(mask("0010010000"), 0.4) is None
    assert fusion.block_interval(mask(""), 0.4) is None


def test_merging_wants_near_centres_and_a_short_union() -> None:
    assert fusion.mergeable((0.0, 0.2), (0.25, 0.5), 0.3)
    assert not fusion.mergeable((0.0, 0.3), (0.4, 0.8), 0.3)
    assert not fusion.mergeable((0.0, 0.1), (0.9, 1.0), 0.3)
