"""Reviews read again from what was exported, and from what others have made of it."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from megc_live.errors import DatasetError, MegcError, ReviewError
from megc_live.events import LABELS
from megc_live.face.regions import SIGNALS
from megc_live.output.bids_sink import RECORDING_KEY
from megc_live.output.columns import (
    BIDS_COLUMNS,
    INTERVAL_HEADER,
    REVIEW_HEADER,
    REVIEWED_BIDS_COLUMNS,
)
from megc_live.output.recording import Recording
from megc_live.output.reviewed import (
    ReviewInterval,
    from_text,
    plain_text,
    reviewed_of,
    unescaped,
)
from megc_live.output.session import SESSION, SessionInfo
from megc_live.output.tables import TableRow, interval_of, table_rows
from megc_live.review.elan import read_elan
from megc_live.review.same import check_recording, check_times

if TYPE_CHECKING:
    from megc_live.review.document import ReviewDocument

F64 = NDArray[np.float64]
_BIDS_HEADER = tuple(column.name for column in BIDS_COLUMNS)
_REVIEWED_BIDS_HEADER = tuple(column.name for column in REVIEWED_BIDS_COLUMNS)


class Imported(list[ReviewInterval]):
    """The intervals of a file, in its order.

    Attributes
    ----------
    note : str
        What the reviewer should know of them, ready to be shown; empty if there is nothing.
    reviewed : bool
        The file says what reviewers decided of the intervals; False: an analysis found them, or it has no
        place for decisions, as intervals.csv.
    exported_by : str
        Reviewer whose export the file is; empty: it does not say, or an analysis wrote it.
    """

    def __init__(self, items: Iterable[ReviewInterval], *, reviewed: bool) -> None:
        super().__init__(items)
        self.note = self.exported_by = ""
        self.reviewed = reviewed


def import_intervals(
    path: Path, times_s: F64 | None = None, *, document: ReviewDocument | None = None
) -> Imported:
    """Read intervals from a file of an analysis or of a review.

    Parameters
    ----------
    path : Path
        intervals.csv or review.csv, events.json, intervals.eaf, events.tsv or report.html.
    times_s : ndarray of float64, shape (n_frames,), optional
        Time of each frame (``document.times_s``): the file must be of the same recording. Needed for
        annotations that were made or moved in ELAN, which knows no frames.
    document : ReviewDocument, optional
        The results that the file is read for: compared with the recording that it says it is of, and asked
        for the frames that are missing in what was made or moved in ELAN. Without it only the recording's
        length is compared.

    Returns
    -------
    Imported
        A list in the file's order, with a note where something is left to the reviewer to judge.

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
    if times_s is None and document is not None:
        times_s = document.times_s
    readers: dict[str, Callable[[Path], tuple[Imported, Recording | None]]] = {
        ".csv": _read_csv,
        ".json": _read_json,
        ".eaf": lambda file: _read_eaf(file, times_s, document),
        ".tsv": _read_bids,
        ".html": _read_html,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DatasetError(
            f"{path.name!r} is of a kind that is not read.",
            "Choose review.csv, intervals.csv, events.json, intervals.eaf, events.tsv or report.html.",
        )
    items, recording = reader(path)
    items.exported_by = recording.exported_by if recording is not None else ""
    numbers: set[int] = set()
    for item in items:
        check_interval(item, path)
        if item.id in numbers:
            raise DatasetError(
                f"{str(path)!r}: two intervals have the number {item.id}.", "Give each its own."
            )
        numbers.add(item.id)
    if times_s is not None:
        check_times(items, path, times_s)
        items.note = check_recording(recording, path, times_s, document)
    return items


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


def _read_csv(path: Path) -> tuple[Imported, Recording | None]:
    header = _header(path, ",")
    # The columns have no place for it: what is known of the recording is in the record beside the table.
    recording = None
    with suppress(DatasetError, ValueError, TypeError):  # it was left behind, or is of something else
        record = SessionInfo.read(path.with_name(SESSION))
        recording = Recording.from_text(Recording.of(record).to_text())
    if header == REVIEW_HEADER:
        found = (reviewed_of(row) for row in table_rows(path, REVIEW_HEADER))
        return Imported(found, reviewed=True), recording
    if header != INTERVAL_HEADER:
        raise DatasetError(
            f"{path.name!r} is no table of intervals: it begins with {', '.join(header[:3]) or 'nothing'}.",
            "Choose a review.csv or an intervals.csv.",
        )
    plain = (ReviewInterval(interval_of(row)) for row in table_rows(path, INTERVAL_HEADER))
    return Imported(plain, reviewed=False), recording


def _read_bids(path: Path) -> tuple[Imported, Recording | None]:
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
    recording = None
    with suppress(DatasetError, ValueError, KeyError, TypeError):  # the table may have come without it
        sidecar = json.loads(_text(path.with_suffix(".json")))
        recording = Recording.from_text(json.dumps(sidecar[RECORDING_KEY]))
    return Imported(items, reviewed=reviewed), recording


def _header(path: Path, delimiter: str) -> tuple[str, ...]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return tuple(next(csv.reader(file, delimiter=delimiter), []))
    except OSError as error:
        raise DatasetError(f"cannot read {str(path)!r}: {error.strerror}.") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise DatasetError(f"{str(path)!r} is not a table in UTF-8: {error}.") from None


def _read_json(path: Path) -> tuple[Imported, Recording | None]:
    try:
        values = json.loads(_text(path))
        events = values["events"]
        items = Imported(map(_of_event, events), reviewed=any("review" in event for event in events))
        return items, Recording.from_text(json.dumps(values.get("recording")))
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


def _read_eaf(
    path: Path, times_s: F64 | None, document: ReviewDocument | None
) -> tuple[Imported, Recording | None]:
    items, said = read_elan(path, times_s, None if document is None else document.missing)
    return Imported(items, reviewed=_touched(items)), Recording.from_text(said)


def _read_html(path: Path) -> tuple[Imported, Recording | None]:
    from megc_live.output.report import DATA_ID, RECORDING_ID

    finder = _Finder((DATA_ID, RECORDING_ID))
    finder.feed(_text(path))
    if DATA_ID not in finder.found:
        raise DatasetError(
            f"{str(path)!r} holds no intervals to be read.", "Choose a report.html that was exported."
        )
    try:
        items = from_text(finder.found[DATA_ID])
    except ValueError as error:
        raise DatasetError(
            f"{str(path)!r}: the intervals in it are damaged: {error}.", "Export the report again."
        ) from None
    recording = Recording.from_text(finder.found.get(RECORDING_ID, ""))
    return Imported(items, reviewed=_touched(items)), recording


def _touched(items: Sequence[ReviewInterval]) -> bool:
    """Whether a person has done anything to them, in a file that looks alike before a review and after."""
    return any(
        item.status != "open" or item.changed or item.record.reviewer or item.record.source == "human"
        for item in items
    )


class _Finder(HTMLParser):
    """Keeps the texts of the elements with certain ids."""

    def __init__(self, wanted: Sequence[str]) -> None:
        super().__init__(convert_charrefs=True)
        self._wanted = wanted
        self._inside: str | None = None
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = next((name for name in self._wanted if ("id", name) in attrs), None)
        if self._inside is not None:
            self.found[self._inside] = ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside is not None:
            self.found[self._inside] += data


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DatasetError(f"cannot read {str(path)!r}: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise DatasetError(f"{str(path)!r} is not text in UTF-8: {error}.") from None
