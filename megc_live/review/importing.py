"""Reviews read again from what was exported, and from what others have made of it."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from megc_live.errors import DatasetError, MegcError, ReviewError
from megc_live.events import LABELS
from megc_live.face.regions import SIGNALS
from megc_live.output.columns import (
    BIDS_COLUMNS,
    INTERVAL_HEADER,
    REVIEW_HEADER,
    REVIEWED_BIDS_COLUMNS,
)
from megc_live.output.reviewed import (
    ReviewInterval,
    from_text,
    plain_text,
    reviewed_of,
    unescaped,
)
from megc_live.output.tables import TableRow, interval_of, table_rows
from megc_live.review.elan import read_elan

F64 = NDArray[np.float64]
_BIDS_HEADER = tuple(column.name for column in BIDS_COLUMNS)
_REVIEWED_BIDS_HEADER = tuple(column.name for column in REVIEWED_BIDS_COLUMNS)


def import_intervals(path: Path, times_s: F64 | None = None) -> list[ReviewInterval]:
    """Read intervals from a file of an analysis or of a review.

    Parameters
    ----------
    path : Path
        intervals.csv or review.csv, events.json, intervals.eaf, events.tsv or report.html.
    times_s : ndarray of float64, shape (n_frames,), optional
        Time of each frame (``document.times_s``): the file must be of the same recording. Needed for
        annotations that were made or moved in ELAN, which knows no frames.

    Returns
    -------
    list of ReviewInterval
        In the file's order.

    Raises
    ------
    DatasetError
        The file cannot be read, is none of these, or is of another recording; the message says what is
        wrong where.

    Examples
    --------
    >>> import_intervals(Path("second coder/review.csv"))[0].status  # doctest: +SKIP
    'accepted'
    """
    readers: dict[str, Callable[[Path], list[ReviewInterval]]] = {
        ".csv": _read_csv,
        ".json": _read_json,
        ".eaf": lambda file: read_elan(file, times_s),
        ".tsv": _read_bids,
        ".html": _read_html,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DatasetError(
            f"{path.name!r} is of a kind that is not read.",
            "Choose review.csv, intervals.csv, events.json, intervals.eaf, events.tsv or report.html.",
        )
    items = reader(path)
    numbers: set[int] = set()
    for item in items:
        check_interval(item, path)
        if item.id in numbers:
            raise DatasetError(
                f"{str(path)!r}: two intervals have the number {item.id}.", "Give each its own."
            )
        numbers.add(item.id)
    if times_s is not None:
        check_recording(items, path, times_s)
    return items


def check_recording(items: Sequence[ReviewInterval], path: Path, times_s: F64) -> None:
    """Raise :class:`DatasetError` if intervals are of another recording: their frames have other times."""
    tolerance_s = max(float(np.median(np.diff(times_s))), 0.002) if len(times_s) > 1 else math.inf
    for item in items:
        record = item.record
        wrong = ""
        if record.offset_frame >= len(times_s):
            wrong = f"its last frame is {record.offset_frame}, these results have {len(times_s)} frames"
        for name in ("onset", "apex", "offset"):
            frame, t_s = getattr(record, f"{name}_frame"), getattr(record, f"{name}_s")
            if not wrong and abs(t_s - float(times_s[frame])) > tolerance_s:
                here = f"here that frame is at {times_s[frame]:.3f} s"
                wrong = f"its {name}, frame {frame}, is at {t_s:.3f} s, {here}"
        if wrong:
            raise DatasetError(
                f"{path.name!r} is of another recording: of interval {record.id}, {wrong}.",
                "Choose a file of these results.",
            )


def check_interval(item: ReviewInterval, path: Path) -> None:
    """Raise :class:`DatasetError` for an interval that no analysis and no reviewer can have made."""
    record = item.record
    frames = (record.onset_frame, record.apex_frame, record.offset_frame)
    times = (record.onset_s, record.apex_s, record.offset_s)
    wrong = ""
    if not 0 <= frames[0] <= frames[1] <= frames[2] or record.id < 0 or record.n_dropped < 0:
        wrong = f"frames {frames} are not in order, or a number is below 0"
    elif not all(math.isfinite(t_s) for t_s in times) or not times[0] <= times[1] <= times[2]:
        wrong = f"times {times} are not in order"
    elif not 0 <= record.score <= 1 or any(not 0 <= p <= 1 for p in record.probabilities or ()):
        wrong = "its score or a probability is not from 0 to 1"
    elif record.label not in ("", *LABELS) or not set(record.regions) <= set(SIGNALS):
        wrong = f"the label {record.label!r} or a region is unknown"
    try:
        plain_text(item.comment, "comment", lines=True)
        plain_text(record.reviewer, "reviewer's name")
        plain_text(item.changed, "time of the change")
    except ReviewError as error:
        wrong = error.got
    if wrong:
        raise DatasetError(f"{str(path)!r}, interval {record.id}: {wrong}.", "Correct the file.")


def _read_csv(path: Path) -> list[ReviewInterval]:
    header = _header(path, ",")
    if header == REVIEW_HEADER:
        return [reviewed_of(row) for row in table_rows(path, REVIEW_HEADER)]
    return [ReviewInterval(interval_of(row)) for row in table_rows(path, INTERVAL_HEADER)]


def _read_bids(path: Path) -> list[ReviewInterval]:
    reviewed = _header(path, "\t") == _REVIEWED_BIDS_HEADER
    header = _REVIEWED_BIDS_HEADER if reviewed else _BIDS_HEADER
    items = []
    for number, row in enumerate(table_rows(path, header, "\t"), start=2):
        cells = {name: row.text(name) for name in header}
        cells = {name: "" if text == "n/a" else text for name, text in cells.items()}
        kind = cells["trial_type"].removeprefix("rejected_")
        cells |= {"onset_s": cells["onset"], "kind": kind, "reviewer": unescaped(cells["reviewer"])}
        if reviewed:
            cells["comment"] = unescaped(cells["comment"])
        whole = TableRow(path, number, cells)
        items.append(reviewed_of(whole) if reviewed else ReviewInterval(interval_of(whole)))
    return items


def _header(path: Path, delimiter: str) -> tuple[str, ...]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return tuple(next(csv.reader(file, delimiter=delimiter), []))
    except OSError as error:
        raise DatasetError(f"cannot read {str(path)!r}: {error.strerror}.") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise DatasetError(f"{str(path)!r} is not a table in UTF-8: {error}.") from None


def _read_json(path: Path) -> list[ReviewInterval]:
    try:
        events = json.loads(_text(path))["events"]
        return [_of_event(event) for event in events]
    except MegcError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"{str(path)!r} does not hold events: {type(error).__name__}: {error}.",
            "Choose an events.json that was exported.",
        ) from None


def _of_event(event: dict[str, Any]) -> ReviewInterval:
    interval, seen = event["interval"], event["recognition"]
    values = {
        **{f"{mark}_frame": interval[mark] for mark in ("onset", "apex", "offset")},
        **{key: interval[key] for key in ("onset_s", "apex_s", "offset_s", "score", "kind", "regions")},
        "n_dropped": interval["n_dropped"],
        "id": event["id"],
        "face_id": event["face_id"],
        "label": seen["label"] if seen else "",
        "probabilities": [seen["probabilities"][label] for label in LABELS]
        if seen and seen.get("probabilities")
        else None,
        "source": event.get("source", "auto"),
        "reviewer": event.get("reviewer", ""),
    }
    (item,) = from_text(json.dumps([{"record": values, **event.get("review", {})}]))
    return item


def _read_html(path: Path) -> list[ReviewInterval]:
    from megc_live.output.report import DATA_ID

    finder = _Finder(DATA_ID)
    finder.feed(_text(path))
    if finder.found is None:
        raise DatasetError(
            f"{str(path)!r} holds no intervals to be read.", "Choose a report.html that was exported."
        )
    try:
        return list(from_text(finder.found))
    except ValueError as error:
        raise DatasetError(
            f"{str(path)!r}: the intervals in it are damaged: {error}.", "Export the report again."
        ) from None


class _Finder(HTMLParser):
    """Keeps the text of the element with an id."""

    def __init__(self, wanted: str) -> None:
        super().__init__(convert_charrefs=True)
        self._wanted = wanted
        self._inside = False
        self.found: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = ("id", self._wanted) in attrs
        if self._inside:
            self.found = ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found = (self.found or "") + data


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DatasetError(f"cannot read {str(path)!r}: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise DatasetError(f"{str(path)!r} is not text in UTF-8: {error}.") from None
