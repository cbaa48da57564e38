"""Agreement, against counts made by hand and other people's formulas."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from megc_live.errors import ReviewError
from megc_live.output import IntervalRecord
from megc_live.review import ReviewInterval, agreement

N = 100


def interval(
    number: int,
    onset: int,
    offset: int,
    label: str = "",
    face: int = 0,
    kind: str = "micro",
    **changes: object,
) -> ReviewInterval:
    record = IntervalRecord(
        id=number,
        face_id=face,
        onset_frame=onset,
        apex_frame=onset,
        offset_frame=offset,
        onset_s=onset / 30,
        apex_s=onset / 30,
        offset_s=offset / 30,
        kind="micro" if kind == "micro" else "macro",
        score=1.0,
        label=label,
        source="human",
    )
    return replace(ReviewInterval(record), **changes)  # type: ignore[arg-type]


def test_counts_by_hand() -> None:
    a = [interval(1, 10, 19, "positive"), interval(2, 40, 49, "negative"), interval(3, 80, 89)]
    b = [interval(7, 12, 19, "positive"), interval(8, 44, 60, "negative"), interval(9, 81, 89, "surprise")]
    found = agreement(a, b, N)
    # 8 of 10 frames; 6 of 21; 9 of 10
    assert [(pair.a, pair.b, round(pair.iou, 3)) for pair in found.pairs] == [(1, 7, 0.8), (3, 9, 0.9)]
    assert (found.only_a, found.only_b) == ((2,), (8,))
    assert (found.n_a, found.n_b, found.n_matched) == (3, 3, 2)
    assert (found.precision, found.recall, found.f1) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert (found.n_labelled, found.same_label) == (1, 1)
    assert math.isnan(found.kappa_label)  # one pair, one label: chance alone agrees as well
    both, only_a, only_b = 8 + 6 + 9, 2 + 4 + 1, 0 + 11 + 0
    assert found.presence == ((N - both - only_a - only_b, only_b), (only_a, both))


def test_precision_is_bs_and_recall_as() -> None:
    found = agreement([interval(1, 0, 9)], [interval(1, 0, 9), interval(2, 30, 39)], N)
    assert (found.precision, found.recall) == (0.5, 1.0)
    assert found.f1 == pytest.approx(2 / 3)


def test_half_an_overlap_is_enough_and_less_is_not() -> None:
    assert agreement([interval(1, 0, 9)], [interval(1, 0, 4)], N).n_matched == 1
    assert agreement([interval(1, 0, 9)], [interval(1, 0, 3)], N).n_matched == 0


def test_one_to_one_finds_the_most_pairs() -> None:
    """The best overlap first would leave one of two without a partner."""
    a = [interval(1, 0, 9), interval(2, 2, 16)]
    b = [interval(1, 0, 10), interval(2, 0, 5)]
    found = agreement(a, b, N)
    assert [(pair.a, pair.b) for pair in found.pairs] == [(1, 2), (2, 1)]


def test_faces_kinds_and_rejected_ones_are_kept_apart() -> None:
    one = interval(1, 10, 19)
    assert agreement([one], [interval(1, 10, 19, face=1)], N).n_matched == 0
    assert agreement([one], [interval(1, 10, 19, kind="macro")], N).n_matched == 0
    assert agreement([one], [interval(1, 10, 19, status="rejected")], N).n_b == 0
    two = [one, interval(2, 50, 90, kind="macro")]
    assert agreement(two, two, N, kind="macro").n_matched == 1
    found = agreement([one], [interval(1, 10, 19, face=1)], N)
    assert found.presence == ((180, 10), (10, 0)) and found.kappa_presence < 0


def test_nothing_at_all() -> None:
    found = agreement([], [], N)
    values = (found.kappa_presence, found.precision, found.recall, found.f1, found.kappa_label)
    assert all(math.isnan(value) for value in values)
    assert found.presence == ((N, 0), (0, 0))


def test_intervals_of_another_recording() -> None:
    with pytest.raises(ReviewError, match="frames 0 to 99"):
        agreement([interval(1, 95, 100)], [], N)


spans = st.lists(
    st.tuples(
        st.integers(0, 90), st.integers(0, 9), st.sampled_from(["", "negative", "positive", "surprise"])
    ),
    max_size=8,
)


@settings(deadline=None)
@given(spans, spans)
def test_against_scikit_learn_and_itself(
    first: list[tuple[int, int, str]], second: list[tuple[int, int, str]]
) -> None:
    a, b = (
        [interval(k, onset, onset + length, label) for k, (onset, length, label) in enumerate(made)]
        for made in (first, second)
    )
    found, turned = agreement(a, b, N), agreement(b, a, N)
    marks = []
    for items in (a, b):
        there = np.zeros(N, dtype=int)
        for item in items:
            there[item.record.onset_frame : item.record.offset_frame + 1] = 1
        marks.append(there)
    if len({*marks[0], *marks[1]}) == 2:
        expected = cohen_kappa_score(*marks)
        assert found.kappa_presence == pytest.approx(expected)
    assert found.n_matched == turned.n_matched and len(found.pairs) == found.n_matched
    np.testing.assert_equal((found.precision, found.f1), (turned.recall, turned.f1))
    by_id_a, by_id_b = ({item.id: item for item in items} for items in (a, b))
    labels = [(by_id_a[pair.a].record.label, by_id_b[pair.b].record.label) for pair in found.pairs]
    labels = [pair for pair in labels if all(pair)]
    if len({label for pair in labels for label in pair}) > 1:
        assert found.kappa_label == pytest.approx(cohen_kappa_score(*zip(*labels, strict=True)))
    itself = agreement(a, a, N)
    assert itself.n_matched == len(a) and (not a or itself.f1 == 1)


def test_what_nobody_has_decided_is_counted_apart() -> None:
    machine = IntervalRecord(1, 0, 10, 12, 20, 0.4, 0.5, 0.8, "micro", 0.9)
    human = replace(machine, id=2, onset_frame=40, apex_frame=44, offset_frame=50, source="human")
    ours = [
        ReviewInterval(machine),
        ReviewInterval(human),
        ReviewInterval(replace(machine, id=3, kind="macro"), status="accepted"),
        ReviewInterval(replace(machine, id=4), status="rejected"),
    ]
    found = agreement(ours, [machine], 100)
    assert (found.n_a, found.n_open_a, found.n_open_b) == (3, 1, 0)
    assert agreement(ours, [machine], 100, kind="macro").n_open_a == 0
    assert agreement([machine], ours, 100).n_open_b == 1


def test_nothing_decided_is_no_agreement() -> None:
    """An interval that is as the machine left it agrees with the machine, whoever's list it is in."""
    machine = IntervalRecord(1, 0, 10, 12, 20, 0.4, 0.5, 0.8, "micro", 0.9)
    untouched = [ReviewInterval(machine)]
    found = agreement(untouched, [machine], 100)
    assert found.f1 == 1 and not found.reviewed and (found.reviewed_a, found.reviewed_b) == (False, True)
    assert not agreement([machine], untouched, 100).reviewed
    macro = replace(machine, id=2, kind="macro")
    for status in ("accepted", "rejected"):
        ours = [*untouched, ReviewInterval(macro, status=status)]
        found = agreement(ours, [machine], 100)
        assert found.reviewed and found.n_open == 1
        assert not agreement(ours, [machine], 100, kind="micro").reviewed
        assert agreement(ours, [machine], 100, kind="macro").n_open == 0
    assert agreement([], [machine], 100).reviewed and agreement([machine], [machine], 100).n_open == 0
