"""The scoring rules, against cases worked by hand and against what must always hold."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megc_live.errors import DatasetError, SettingsError
from megc_live.spotting.interval import Interval, iou
from training.protocols.bootstrap import bootstrap
from training.protocols.matching import Expression, Match, border_errors
from training.protocols.scores import false_alarms_per_minute
from training.protocols.spotting import RULES, SpottingMetric, score_tables
from training.spotting.baselines import chance_level, fire_always

E = Expression
Case = dict[str, tuple[list[Expression], list[Expression]]]


def scored(rule: str, videos: Case, /, groups: dict[str, str] | None = None, **options: Any) -> Any:
    metric: SpottingMetric[Any] = RULES[rule].make(**options)
    for video, (truth, pred) in videos.items():
        metric.update(video, truth, pred, (groups or {}).get(video))
    return metric.compute()


def counts(score: Any) -> tuple[int, int, int]:
    return score.tp, score.fp, score.fn


# Each case: truth, prediction, then (tp, fp, fn) under one-to-one, megc2019 and megc2020.
Counts = tuple[int, int, int]
CASES: dict[str, tuple[list[Expression], list[Expression], Counts, Counts, Counts]] = {
    # 2019: (19 - 10 + 1) / (19 - 10) = 1.11
    "the same": ([E(10, 19)], [E(10, 19)], (1, 0, 0), (1, 0, 0), (1, 0, 0)),
    "one frame": ([E(7, 7)], [E(7, 7)], (1, 0, 0), (1, 0, 0), (1, 0, 0)),
    # IoU 10/20 = .5 exactly
    "just enough": ([E(0, 9)], [E(0, 19)], (1, 0, 0), (1, 0, 0), (1, 0, 0)),
    # IoU 10/21 = .476; 2019: 10 / 20 = .5, by the missing + 1
    "the missing one": ([E(0, 9)], [E(0, 20)], (0, 1, 1), (1, 0, 0), (0, 1, 1)),
    "too little": ([E(0, 9)], [E(8, 30)], (0, 1, 1), (0, 1, 1), (0, 1, 1)),
    # [0,19] overlaps both truths by .5: one-to-one gives it to one; 2020 counts two hits of one interval.
    "touches two": ([E(0, 9), E(10, 19)], [E(0, 19)], (1, 0, 1), (2, 0, 0), (2, 0, 0)),
    # 2019: either truth has the ratio 4/17: two FP of one prediction
    "touches two badly": ([E(0, 6), E(14, 20)], [E(3, 17)], (0, 1, 2), (0, 2, 2), (0, 1, 2)),
    # The second prediction is a false alarm, save for 2019, where both are one.
    "two on one": ([E(0, 9)], [E(0, 8), E(1, 9)], (1, 1, 0), (1, 0, 0), (1, 1, 0)),
    # 2019: pieces fused to [0,19], 2 gap frames: (20 - 2) / 19; no piece alone reaches .5
    "in pieces": ([E(0, 19)], [E(0, 8), E(11, 19)], (0, 2, 1), (1, 0, 0), (0, 2, 1)),
    # The best pair is (10,19)-(10,19), but then (7,16) is left with (10,24): IoU 7/18. 2019: 10/12, 10/17.
    "greed loses": (
        [E(10, 19), E(10, 24)], [E(10, 19), E(7, 16)], (2, 0, 0), (2, 0, 0), (2, 0, 0),
    ),
    "nothing found": ([E(0, 9), E(30, 39)], [], (0, 0, 2), (0, 0, 2), (0, 0, 2)),
    # 2019: no micro-expression in the video, so it does not count
    "nothing there": ([], [E(0, 9), E(30, 39)], (0, 2, 0), (0, 0, 0), (0, 2, 0)),
    "nothing at all": ([], [], (0, 0, 0), (0, 0, 0), (0, 0, 0)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("rule", "column"), [("one-to-one", 2), ("megc2019", 3), ("megc2020", 4)])
def test_worked_cases(name: str, rule: str, column: int) -> None:
    case = CASES[name]
    score = scored(rule, {"a": (case[0], case[1])})
    assert counts(score) == case[column]
    assert counts(score.kinds["micro"]) == case[column]
    assert counts(score.kinds["macro"]) == (0, 0, 0)


def test_counts_are_pooled_over_videos_and_ratios_taken_once() -> None:
    score = scored(
        "one-to-one",
        {
            "a": ([E(0, 9), E(50, 59)], [E(0, 9), E(100, 109), E(200, 209)]),
            "b": ([E(0, 9)], [E(1, 9)]),
            "c": ([], [E(5, 9)]),
            "d": ([E(5, 9)], []),
        },
    )
    assert counts(score) == (2, 3, 2)
    assert (score.precision, score.recall) == (0.4, 0.5)
    assert score.f1 == pytest.approx(4 / 9)


@pytest.mark.parametrize("rule", RULES)
def test_nothing_scores_zero_not_an_error(rule: str) -> None:
    values = scored(rule, {}).to_dict()
    assert values.pop("kinds").keys() == {"micro", "macro"}
    assert set(values.values()) == {0}


def test_kinds_are_matched_apart() -> None:
    score = scored(
        "one-to-one", {"a": ([E(0, 9, "micro"), E(40, 79, "macro")], [E(0, 9, "macro"), E(40, 79, "macro")])}
    )
    assert counts(score) == (1, 1, 1)
    assert counts(score.kinds["micro"]) == (0, 0, 1)
    assert counts(score.kinds["macro"]) == (1, 1, 0)


@pytest.mark.parametrize("rule", RULES)
def test_which_videos_count(rule: str) -> None:
    videos = {
        "with": ([E(0, 9)], [E(0, 9), E(40, 49)]),
        "macro only": ([E(0, 59, "macro")], [E(0, 9), E(0, 59, "macro")]),
        "empty": ([], [E(0, 9)]),
    }
    assert counts(scored(rule, videos, videos="all")) == (2, 3, 0)
    assert counts(scored(rule, videos, videos="me-only")) == (1, 1, 0)
    assert counts(scored(rule, videos)) == ((1, 1, 0) if rule == "megc2019" else (2, 3, 0))


@pytest.mark.parametrize("rule", RULES)
def test_the_threshold_is_a_parameter(rule: str) -> None:
    videos = {"a": ([E(0, 9)], [E(3, 12)])}  # IoU 7/13 = .538, by the 2019 rule 7/12 = .583
    assert counts(scored(rule, videos)) == (1, 0, 0)
    assert counts(scored(rule, videos, iou_threshold=0.6)) == (0, 1, 1)
    for bad in (0, -1, 1.1, math.nan):
        with pytest.raises(ValueError, match="threshold"):
            RULES[rule].make(iou_threshold=bad)


def test_2019_as_the_code_counts() -> None:
    # Truth [0, 9], pieces [0, 2] and [6, 9]: (10 - 3) / 9 = .78, in the code (10 - 5) / 9 = .56.
    assert counts(scored("megc2019", {"a": ([E(0, 9)], [E(0, 2), E(6, 9)])}, compat=True)) == (1, 0, 0)
    # Pieces [0, 1] and [6, 9]: (10 - 4) / 9 = .67, in the code (10 - 6) / 9 = .44.
    videos = {"a": ([E(0, 9)], [E(0, 1), E(6, 9)])}
    assert counts(scored("megc2019", videos)) == (1, 0, 0)
    assert counts(scored("megc2019", videos, compat=True)) == (0, 1, 1)
    # A movement between two predictions that do not touch it.
    videos = {"a": ([E(50, 59)], [E(0, 9), E(100, 109)])}
    assert counts(scored("megc2019", videos)) == (0, 2, 1)
    assert counts(scored("megc2019", videos, compat=True)) == (0, 3, 1)
    assert counts(scored("megc2019", {"a": ([E(50, 59)], [E(0, 9)])}, compat=True)) == (0, 1, 1)


def test_2020_reports_its_own_counts() -> None:
    score = scored(
        "megc2020",
        {"a": ([E(0, 9), E(50, 59)], [E(0, 9), E(1, 9), E(90, 99), E(0, 49, "macro")])},
    )
    assert (score.hit, score.predicted, score.truth) == (1, 4, 2)
    assert counts(score) == (1, 3, 1)
    assert score.f1 == pytest.approx(2 / 6)
    values = score.to_dict()
    assert values["kinds"]["macro"]["predicted"] == 1
    assert (values["hit"], values["kinds"]["micro"]["truth"]) == (1, 2)


def test_strs_is_the_product_of_both_f1() -> None:
    videos = {
        "a": (
            [E(0, 9, label="negative"), E(50, 59, label="negative"), E(100, 109, label="positive")],
            [E(0, 9, label="negative"), E(50, 59, label="positive"), E(100, 109, label="positive")],
        ),
        "b": ([E(0, 9, label="surprise")], []),
        "c": ([], [E(0, 9, label="negative"), E(20, 29, label="surprise")]),
    }
    score = scored("strs", videos)
    assert counts(score) == (3, 2, 1)
    # negative: precision 1, recall 1/2; positive: 1/2, 1; surprise, annotated but not found: 0, 0.
    assert (score.precision_recog, score.recall_recog) == (0.5, 0.5)
    assert score.f1_recog == 0.5
    assert score.f1_spot == score.f1 == pytest.approx(6 / 9)
    assert score.strs == pytest.approx(0.5 * 6 / 9)
    assert score.to_dict()["kinds"]["macro"]["strs"] == 0


def test_strs_takes_the_better_of_two_possible_pairs() -> None:
    truth = [E(0, 9, label="negative")]
    pred = [E(0, 7, label="positive"), E(0, 8, label="negative")]
    for order in (pred, pred[::-1]):
        assert scored("strs", {"a": (truth, order)}).f1_recog == 1


def test_strs_without_labels() -> None:
    negative = E(50, 59, label="negative")
    unlabelled_truth = scored("strs", {"a": ([E(0, 9), negative], [E(0, 9, label="positive"), negative])})
    assert (unlabelled_truth.f1_spot, unlabelled_truth.f1_recog) == (1, 1)
    unlabelled_pred = scored("strs", {"a": ([negative], [E(50, 59)])})
    assert (unlabelled_pred.f1_spot, unlabelled_pred.f1_recog) == (1, 0)


def test_strs_as_the_reference_code_counts() -> None:
    neg, pos = "negative", "positive"
    videos: Case = {
        "1_a": ([E(0, 9, label=neg), E(10, 19, label=pos)], [E(0, 19, label=neg)]),
        "1_b": ([], [E(0, 9, label=neg)]),  # no annotation: not visited
        "2_a": ([E(0, 9, label=pos)], []),  # subject 2 predicted nothing: not visited
        "3_a": ([E(0, 9, label=pos)], []),
        "3_b": ([], [E(0, 9, label=pos)]),
    }
    groups = {video: video[0] for video in videos}
    assert counts(scored("strs", videos, groups)) == (1, 2, 3)
    compat = scored("strs", videos, groups, compat=True)
    assert counts(compat) == (2, 0, 1)
    # negative: precision 1/2, recall 1; positive: 0 and 0.
    assert compat.f1_recog == pytest.approx(2 * 0.25 * 0.5 / 0.75)
    alone: Case = {"a": ([E(0, 9, label=neg)], [E(0, 9, label=neg)])}
    assert scored("strs", alone).f1_recog == 1
    assert scored("strs", alone, {"a": "1"}, compat=True).f1_recog == 0
    with pytest.raises(DatasetError, match="subject"):
        scored("strs", alone, compat=True)


@pytest.mark.parametrize("rule", RULES)
def test_reset_forgets_and_inputs_stay_as_they_are(rule: str) -> None:
    truth, pred = [E(30, 39, label="negative"), E(0, 9)], [E(31, 39), E(0, 9)]
    metric = RULES[rule].make()
    metric.update("a", truth, pred)
    first = metric.compute()
    assert counts(first) == (2, 0, 0)
    assert truth == [E(30, 39, label="negative"), E(0, 9)] and pred == [E(31, 39), E(0, 9)]
    with pytest.raises(ValueError, match="given before"):
        metric.update("a", truth, pred)
    metric.reset()
    assert counts(metric.compute()) == (0, 0, 0) and not metric.matches
    metric.update("a", iter(truth), iter(pred))
    assert metric.compute() == first


def test_intervals_of_the_application_can_be_scored() -> None:
    spotted = Interval(2, 5, 9, 0.1, 0.2, 0.3, 0.9, "micro")
    assert counts(scored("one-to-one", {"a": ([E(0, 9)], [spotted])})) == (1, 0, 0)  # type: ignore[list-item]


@pytest.mark.parametrize("bad", [E(9, 0), E(0, 9, "blink"), E(0, 9, label="others")])
def test_what_is_no_movement_is_refused(bad: Expression) -> None:
    with pytest.raises(ValueError, match="no movement"):
        RULES["one-to-one"].make().update("a", [bad], [])


def test_unknown_rules_are_refused() -> None:
    with pytest.raises(SettingsError, match="one-to-one"):
        RULES["megc2031"]
    with pytest.raises(ValueError, match="videos"):
        RULES["strs"].make(videos="some")


def test_groups_alarms_and_matches() -> None:
    metric = RULES["one-to-one"].make()
    metric.update("a1", [E(10, 19)], [E(12, 20)], "a")
    metric.update("a2", [], [E(0, 9), E(20, 29)], "a")
    metric.update("b1", [E(10, 19), E(50, 59, "macro")], [E(10, 20)], "b")
    groups = metric.per_group()
    assert {name: counts(score) for name, score in groups.items()} == {"a": (1, 2, 0), "b": (1, 0, 1)}
    assert sum(metric.tallies().values()).tolist() == [[2, 2, 0], [0, 0, 1]]
    rates = false_alarms_per_minute(metric.compute(), {"a1": 30, "a2": 30, "b1": 30, "silent": 30})
    assert rates == {"all": 1.0, "micro": 1.0, "macro": 0.0}
    assert metric.matches[0] == Match("a1", "micro", (10, 19), (12, 20), 8 / 11)
    errors = border_errors(metric.matches)
    assert (errors.n, errors.onset_mean, errors.offset_mean, errors.offset_std) == (2, 1.0, 1.0, 0.0)
    assert errors.onset_std == pytest.approx(math.sqrt(2))
    seconds = border_errors(metric.matches, {"a1": 100.0, "b1": 25.0})
    assert seconds.onset_mean == pytest.approx(0.01)
    assert seconds.offset_mean == pytest.approx((0.01 + 0.04) / 2)
    assert border_errors([]).n == 0 and math.isnan(border_errors([]).onset_mean)


def test_tables_are_scored_by_video_and_subject() -> None:
    truth = pd.DataFrame(
        {
            "video": ["a", "a", "b"],
            "onset": [0, 50, 0],
            "offset": [9, 59, 9],
            "kind": "micro",
            "subject": ["1", "1", "2"],
        }
    )
    pred = pd.DataFrame({"video": ["c", "a"], "onset": [0, 50], "offset": [9, 59], "kind": "micro"})
    metric = RULES["one-to-one"].make()
    assert counts(score_tables(metric, truth, pred)) == (1, 1, 2)
    assert {name: counts(score) for name, score in metric.per_group().items()} == {
        "1": (1, 0, 1),
        "2": (0, 0, 1),
        "c": (0, 1, 0),
    }
    assert counts(score_tables(metric, truth, truth)) == (3, 0, 0)
    with pytest.raises(DatasetError, match="subject '1' and to '3'"):
        score_tables(metric, truth, pred.assign(subject=["3", "3"]))


# --- what must always hold -------------------------------------------------------------------------------

spans = st.lists(
    st.builds(
        lambda onset, length, kind: E(onset, onset + length, kind),
        st.integers(0, 60),
        st.integers(0, 25),
        st.sampled_from(["micro", "micro", "macro"]),
    ),
    max_size=6,
    unique=True,
)


@settings(max_examples=60, deadline=None)
@given(spans, spans, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(truth: list[E], pred: list[E], random: Any) -> None:
    videos = {"a": (truth, pred), "b": (pred, []), "c": ([], truth)}
    shuffled = [
        (name, (random.sample(t, len(t)), random.sample(p, len(p)))) for name, (t, p) in videos.items()
    ]
    random.shuffle(shuffled)
    for rule in RULES:
        assert scored(rule, videos) == scored(rule, dict(shuffled))


@settings(max_examples=80, deadline=None)
@given(spans, spans)
def test_one_to_one_counts_everything_once_and_finds_the_most_pairs(truth: list[E], pred: list[E]) -> None:
    metric = RULES["one-to-one"].make()
    metric.update("a", truth, pred)
    score = metric.compute()
    assert score.tp + score.fn == len(truth)
    assert score.tp + score.fp == len(pred)
    assert score.tp == _most_pairs(truth, pred)
    for side in ("truth", "pred"):
        used = [(match.kind, getattr(match, side)) for match in metric.matches]
        assert len(set(used)) == len(used)
    for match in metric.matches:
        assert match.iou == iou(match.truth, match.pred) >= 0.5


def _most_pairs(truth: list[E], pred: list[E]) -> int:
    """The largest number of pairs in which nothing occurs twice, by trying all of them."""
    if not truth:
        return 0
    first, *others = truth
    most = _most_pairs(others, pred)
    for p in pred:
        if p.kind == first.kind and iou(p.frames, first.frames) >= 0.5:
            most = max(most, 1 + _most_pairs(others, [q for q in pred if q != p]))
    return most


@settings(max_examples=60, deadline=None)
@given(spans.filter(bool), spans)
def test_a_prediction_far_away_only_adds_a_false_alarm(truth: list[E], pred: list[E]) -> None:
    truth = [*truth, E(200, 209)]
    for rule in RULES:
        before = scored(rule, {"a": (truth, pred)})
        after = scored(rule, {"a": (truth, [*pred, E(10_000, 10_010)])})
        assert counts(after) == (before.tp, before.fp + (after.fp - before.fp), before.fn)
        if rule != "megc2020" or before.hit <= before.predicted:
            assert after.fp == before.fp + 1


@settings(max_examples=40, deadline=None)
@given(spans.filter(bool))
def test_identical_sets_score_one(spans: list[E]) -> None:
    labelled = [E(s.onset, s.offset, s.kind, "negative") for s in spans]
    for rule in ("one-to-one", "megc2020", "strs"):
        score = scored(rule, {"a": (labelled, labelled)})
        assert counts(score) == (len(spans), 0, 0)
        assert score.precision == score.recall == score.f1 == 1
    assert scored("strs", {"a": (labelled, labelled)}).strs == 1


@settings(max_examples=60, deadline=None)
@given(spans, spans)
def test_no_rule_loses_a_movement(truth: list[E], pred: list[E]) -> None:
    for rule in RULES:
        score = scored(rule, {"a": (truth, pred)}, videos="all")
        assert score.tp + score.fn == len(truth)
        assert 0 <= score.f1 <= 1 and score.fp >= 0


# --- bootstrap and chance level -------------------------------------------------------------------------


def test_bootstrap_over_people() -> None:
    metric = RULES["one-to-one"].make()
    for person in range(12):
        found = [E(0, 9)] if person % 3 else [E(40, 49)]
        metric.update(f"{person}.mp4", [E(0, 9)], found, str(person))
    result = bootstrap(metric.tallies(), lambda tally: metric.score(tally).f1, draws=500, seed=3)
    assert result.value == metric.compute().f1 == pytest.approx(8 / 12)
    assert 0.3 < result.low < result.value < result.high < 1
    assert (result.groups, result.draws) == (12, 500)
    reverse = dict(reversed(metric.tallies().items()))
    assert bootstrap(reverse, lambda tally: metric.score(tally).f1, draws=500, seed=3) == result
    assert bootstrap(reverse, lambda tally: metric.score(tally).f1, draws=500, seed=4) != result


def test_bootstrap_of_one_person_has_no_width() -> None:
    result = bootstrap({"a": np.array([3, 4])}, lambda pooled: pooled[0] / pooled[1], draws=10)
    assert result.low == result.value == result.high == 0.75
    with pytest.raises(ValueError, match="at least one group"):
        bootstrap({}, lambda pooled: 0.0)
    with pytest.raises(ValueError, match="level"):
        bootstrap({"a": np.array([1])}, lambda pooled: 0.0, level=95)


@pytest.mark.parametrize("fps", [25.0, 29.97, 30.0, 50.0, 60.0, 100.0, 200.0, 240.0])
def test_fire_always_keeps_its_length_in_seconds(fps: float) -> None:
    frames = int(60 * fps)
    fired = fire_always(frames, fps)
    lengths = {interval.offset - interval.onset + 1 for interval in fired[:-1]}
    assert len(lengths) == 1
    assert 0.366 <= lengths.pop() / fps <= 0.4
    assert fired[0].onset == 0 and fired[-1].offset < frames
    assert all(a.offset + 1 < b.onset for a, b in pairwise(fired))
    covered = sum(interval.offset - interval.onset + 1 for interval in fired)
    assert covered / frames == pytest.approx(11 / 12, abs=0.02)


def test_fire_always_on_short_and_impossible_videos() -> None:
    assert fire_always(0, 30.0) == []
    assert fire_always(5, 30.0) == [E(0, 4)]
    for frames, fps in ((-1, 30.0), (10, 0.0), (10, math.inf)):
        with pytest.raises(ValueError, match="rate"):
            fire_always(frames, fps)


def test_the_chance_level_stands_beside_a_score() -> None:
    videos = {"a": (48, 30.0), "b": (24, 30.0)}
    score = chance_level(RULES["one-to-one"].make(), {"a": [E(1, 11)]}, videos)
    assert counts(score) == (1, 5, 0)
