"""What predictions on long videos are worth: every rule, both protocols, intervals, subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import pandas as pd

from training.protocols.bootstrap import bootstrap
from training.protocols.matching import Expression
from training.protocols.scores import SpottingScore, ratio
from training.protocols.spotting import RULES, SpottingMetric, Videos
from training.protocols.tables import KINDS
from training.spotting.long.videos import Recorded

PROTOCOLS: dict[str, Videos] = {"MEGC2019": "me-only", "MEGC2021+": "all"}
"""Which videos each protocol judges: those with an annotated micro-expression, or all."""
DEFAULT_RULE = "one-to-one"
PARTS = ("micro", "macro", "overall")

TRUTH_COLUMNS = ("video", "onset", "offset", "kind", "label", "subject")
COLUMNS = ("video", "onset", "offset", "kind", "label", "score", "subject")
"""Columns of a table of predictions."""
VIDEO_COLUMNS = ("video", "subject", "frames", "fps")


class Judged(Protocol):
    """What scores need of a video besides its movements (:class:`training.spotting.long.videos.Recorded`)."""

    @property
    def video(self) -> str:
        """Its name."""
        ...

    @property
    def subject(self) -> str:
        """Whose it is."""
        ...

    @property
    def frames(self) -> int:
        """How many images it has."""
        ...

    @property
    def fps(self) -> float:
        """Frames per second."""
        ...


class Video(NamedTuple):
    """A row of a table of videos."""

    video: str
    subject: str
    frames: int
    fps: float


def video_table(items: Sequence[Judged]) -> pd.DataFrame:
    """All videos that were judged, columns :data:`VIDEO_COLUMNS`."""
    rows = [(item.video, item.subject, item.frames, item.fps) for item in items]
    return pd.DataFrame(rows, columns=list(VIDEO_COLUMNS))


def truth_table(items: Sequence[Recorded]) -> pd.DataFrame:
    """All annotated movements, columns :data:`TRUTH_COLUMNS`; a movement annotated twice is one."""
    rows = [
        (item.video, e.onset, e.offset, e.kind, e.label, item.subject)
        for item in items
        for e in dict.fromkeys(item.truth)
    ]
    return pd.DataFrame(rows, columns=list(TRUTH_COLUMNS))


def prediction_table(
    items: Sequence[Recorded], found: Mapping[str, Sequence[dict[str, Any]]]
) -> pd.DataFrame:
    """What was found in each video, columns :data:`COLUMNS`; of equal intervals the best score stays."""
    rows = []
    for item in items:
        best: dict[tuple[int, int, str], dict[str, Any]] = {}
        for row in sorted(found[item.video], key=lambda row: row["score"]):
            best[row["onset"], row["offset"], row["kind"]] = row
        rows += [
            (item.video, onset, offset, kind, row.get("label", ""), row["score"], item.subject)
            for (onset, offset, kind), row in sorted(best.items())
        ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def score_method(items: Sequence[Judged], truth: pd.DataFrame, pred: pd.DataFrame) -> dict[str, Any]:
    """Score one method's predictions.

    Parameters
    ----------
    items : sequence of Judged
        All videos that were judged.
    truth, pred : DataFrame
        Of :func:`truth_table` and :func:`prediction_table`.

    Returns
    -------
    dict
        ``scores``: by protocol and rule, as ``megc-train score spotting`` gives them; ``interval_95``: by
        protocol, of the default rule's F1, over draws of other subjects; ``alarms_per_minute``: false
        alarms by kind, default rule, all videos; ``subjects``: default rule, all videos, counts by kind.
        ``strs`` is None where no annotated movement, or no prediction, has a label.
    """
    labelled = bool((truth["label"] != "").any() and (pred["label"] != "").any())
    scores: dict[str, dict[str, Any]] = {}
    intervals: dict[str, dict[str, Any]] = {}
    for protocol, videos in PROTOCOLS.items():
        scores[protocol] = {}
        for rule in RULES:
            metric = RULES[rule].make(videos=videos)
            _update(metric, items, truth, pred)
            needs_labels = bool(RULES[rule].capabilities["labels"])
            scores[protocol][rule] = metric.compute().to_dict() if labelled or not needs_labels else None
            if rule == DEFAULT_RULE:
                intervals[protocol] = _intervals(metric)
    whole = RULES[DEFAULT_RULE].make(videos="all")
    _update(whole, items, truth, pred)
    minutes = sum(item.frames / item.fps for item in items) / 60
    return {
        "scores": scores,
        "interval_95": intervals,
        "alarms_per_minute": {part: ratio(_part(whole.compute(), part).fp, minutes) for part in PARTS},
        "subjects": {
            subject: {part: _counts(_part(score, part)) for part in PARTS}
            for subject, score in sorted(whole.per_group().items())
        },
    }


def _update(
    metric: SpottingMetric[Any], items: Sequence[Judged], truth: pd.DataFrame, pred: pd.DataFrame
) -> None:
    """Score video by video, also those without movement and prediction: they too are of a subject."""
    wanted, spotted = _by_video(truth), _by_video(pred)
    for item in items:
        metric.update(item.video, wanted.get(item.video, []), spotted.get(item.video, []), group=item.subject)


def _by_video(table: pd.DataFrame) -> dict[str, list[Expression]]:
    out: dict[str, list[Expression]] = {}
    columns = (table[name] for name in ("video", "onset", "offset", "kind", "label"))
    for video, onset, offset, kind, label in zip(*columns, strict=True):
        out.setdefault(video, []).append(Expression(int(onset), int(offset), kind, label))
    return out


def _intervals(metric: SpottingMetric[Any]) -> dict[str, list[float]]:
    """Percentile intervals of F1 over draws of subjects, by part."""
    out = {}
    for part in PARTS:
        drawn = bootstrap(metric.tallies(), lambda tally, part=part: _part(metric.score(tally), part).f1)
        out[part] = [drawn.low, drawn.high]
    return out


def _part(score: SpottingScore, part: str) -> SpottingScore:
    return score.kinds[part] if part in KINDS else score


def _counts(score: SpottingScore) -> dict[str, int]:
    return {"tp": score.tp, "fp": score.fp, "fn": score.fn}
