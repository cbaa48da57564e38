"""intervals.csv and frames.csv: what is written can be read again without loss."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from megc_live.errors import DatasetError
from megc_live.events import LABELS, Event, FrameRow
from megc_live.face.regions import SIGNALS
from megc_live.output.columns import FRAME_HEADER, INTERVAL_HEADER
from megc_live.output.files import write_whole
from megc_live.spotting.interval import Kind

Origin = Literal["auto", "human"]
T = TypeVar("T", int, float)


@dataclass(frozen=True)
class IntervalRecord:
    """One row of intervals.csv; the fields are its columns, with ``probabilities`` for the ``p_`` ones.

    ``label`` is empty and ``probabilities`` None where there is no recognition; ``probabilities`` are
    in the order of :data:`megc_live.events.LABELS`.
    """

    id: int
    face_id: int
    onset_frame: int
    apex_frame: int
    offset_frame: int
    onset_s: float
    apex_s: float
    offset_s: float
    kind: Kind
    score: float
    label: str = ""
    probabilities: tuple[float, float, float] | None = None
    regions: tuple[str, ...] = ()
    n_dropped: int = 0
    source: Origin = "auto"
    reviewer: str = ""

    @classmethod
    def of(cls, event: Event) -> IntervalRecord:
        """Return the record of an event that was found; times to the microsecond, as in frames.csv."""
        interval, seen = event.interval, event.recognition
        return cls(
            id=event.id,
            face_id=event.face_id,
            onset_frame=interval.onset,
            apex_frame=interval.apex,
            offset_frame=interval.offset,
            onset_s=round(float(interval.onset_s), 6),
            apex_s=round(float(interval.apex_s), 6),
            offset_s=round(float(interval.offset_s), 6),
            kind=interval.kind,
            score=float(interval.score),
            label=seen.label if seen else "",
            probabilities=seen.probabilities if seen else None,
            regions=interval.regions,
            n_dropped=interval.n_dropped,
        )

    def cells(self) -> dict[str, str]:
        """Return the row: column name to text. Floats are written so that they are read back exactly."""
        chances = [repr(float(p)) for p in self.probabilities] if self.probabilities else [""] * len(LABELS)
        return {
            "id": str(self.id),
            "face_id": str(self.face_id),
            "onset_frame": str(self.onset_frame),
            "apex_frame": str(self.apex_frame),
            "offset_frame": str(self.offset_frame),
            "onset_s": repr(self.onset_s),
            "apex_s": repr(self.apex_s),
            "offset_s": repr(self.offset_s),
            "kind": self.kind,
            "score": repr(self.score),
            "label": self.label,
            **{f"p_{label}": text for label, text in zip(LABELS, chances, strict=True)},
            "regions": "|".join(self.regions),
            "n_dropped": str(self.n_dropped),
            "source": self.source,
            "reviewer": self.reviewer,
        }


def csv_line(cells: Iterable[str], delimiter: str = ",") -> str:
    """Return one line of a table, quoted where it has to be."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerow(cells)
    return out.getvalue()


def interval_line(record: IntervalRecord) -> str:
    """Return one line of intervals.csv."""
    cells = record.cells()
    return csv_line(cells[name] for name in INTERVAL_HEADER)


def frame_line(row: FrameRow) -> str:
    """Return one line of frames.csv: times to the microsecond, the rest to six digits, ``NaN`` if unknown."""
    activity = row.activity or (math.nan,) * (len(FRAME_HEADER) - _N_FIXED)
    measured = [*row.pose, *row.box, row.eye_px, row.blink, row.blur, row.exposure]
    return csv_line(
        [
            str(row.frame),
            str(row.face_id),
            f"{row.timestamp:.6f}",
            _number(row.confidence),
            str(row.success),
            *(_number(value) for value in measured),
            row.quality,
            _number(row.head_motion),
            *(_number(value) for value in activity),
        ]
    )


_N_FIXED = FRAME_HEADER.index("head_motion") + 1


def _number(value: float) -> str:
    return "NaN" if math.isnan(value) else f"{value:.6g}"


def write_intervals(path: Path, records: Iterable[IntervalRecord]) -> None:
    """Write intervals.csv; raises :class:`~megc_live.errors.OutputError` and leaves the old file then."""
    write_whole(path, csv_line(INTERVAL_HEADER) + "".join(interval_line(record) for record in records))


def read_intervals(path: Path) -> list[IntervalRecord]:
    """Read intervals.csv.

    Raises
    ------
    DatasetError
        The file cannot be read or is not such a table; the message names row and column.

    Examples
    --------
    >>> read_intervals(Path("result/intervals.csv"))[0].kind  # doctest: +SKIP
    'micro'
    """
    return [interval_of(row) for row in table_rows(path, INTERVAL_HEADER)]


def read_frames(path: Path) -> Iterator[FrameRow]:
    """Read frames.csv row by row; raises as :func:`read_intervals` does."""
    for row in table_rows(path, FRAME_HEADER):
        values = [row.number(name) for name in FRAME_HEADER[_FIRST_MEASURED : FRAME_HEADER.index("quality")]]
        yield FrameRow(
            frame=row.count("frame"),
            face_id=row.integer("face_id"),
            timestamp=row.finite("timestamp"),
            confidence=row.finite("confidence"),
            success=int(row.one_of("success", ("0", "1"))),
            pose=(values[0], values[1], values[2]),
            box=(values[3], values[4], values[5], values[6]),
            eye_px=values[7],
            blink=values[8],
            blur=values[9],
            exposure=values[10],
            quality=row.text("quality"),
            head_motion=row.number("head_motion"),
            activity=tuple(row.number(name) for name in FRAME_HEADER[_N_FIXED:]),
        )


_FIRST_MEASURED = FRAME_HEADER.index("pose_pitch")


def interval_of(row: TableRow) -> IntervalRecord:
    """Return the record of a row that has the columns of intervals.csv."""
    frames = [row.count(f"{mark}_frame") for mark in ("onset", "apex", "offset")]
    times = [row.finite(f"{mark}_s") for mark in ("onset", "apex", "offset")]
    for ordered, unit in ((frames, "frame"), (times, "s")):
        for k, mark in enumerate(("apex", "offset"), start=1):
            if ordered[k] < ordered[k - 1]:
                raise row.error(f"{mark}_{unit}", f"at least {ordered[k - 1]}: onset <= apex <= offset")
    label = row.one_of("label", ("", *LABELS))
    by_hand = row.one_of("source", ("auto", "human")) == "human"
    # A person may label what no classifier has seen, and take away the label of what one has.
    classified = any(row.text(f"p_{name}") for name in LABELS) if by_hand else bool(label)
    chances = [row.share(f"p_{name}") for name in LABELS] if classified else None
    if not classified:
        for name in LABELS:
            row.one_of(f"p_{name}", ("",))
    return IntervalRecord(
        id=row.count("id"),
        face_id=row.integer("face_id"),
        onset_frame=frames[0],
        apex_frame=frames[1],
        offset_frame=frames[2],
        onset_s=times[0],
        apex_s=times[1],
        offset_s=times[2],
        kind="micro" if row.one_of("kind", ("micro", "macro")) == "micro" else "macro",
        score=row.share("score"),
        label=label,
        probabilities=(chances[0], chances[1], chances[2]) if chances else None,
        regions=row.names("regions", SIGNALS),
        n_dropped=row.count("n_dropped"),
        source="human" if by_hand else "auto",
        reviewer=row.text("reviewer"),
    )


class TableRow:
    """One row of a table with readers that say where an error is."""

    def __init__(self, path: Path, line: int, cells: dict[str, str]) -> None:
        self._path = path
        self._line = line
        self._cells = cells

    def error(self, column: str, expected: str) -> DatasetError:
        """Return the error of a cell."""
        return DatasetError(
            f"{str(self._path)!r}, row {self._line}, column {column!r}: got {self._cells[column]!r}.",
            f"Expected {expected}.",
        )

    def text(self, column: str) -> str:
        """Return a cell's text."""
        return self._cells[column]

    def number(self, column: str) -> float:
        """Return a number, or NaN."""
        return self._parse(column, float, lambda value: not math.isinf(value), "a number or NaN")

    def finite(self, column: str) -> float:
        """Return a number."""
        return self._parse(column, float, math.isfinite, "a number")

    def share(self, column: str) -> float:
        """Return a number from 0 to 1."""
        return self._parse(column, float, lambda value: 0 <= value <= 1, "a number from 0 to 1")

    def integer(self, column: str) -> int:
        """Return a whole number."""
        return self._parse(column, int, lambda value: True, "a whole number")

    def count(self, column: str) -> int:
        """Return a whole number of at least 0."""
        return self._parse(column, int, lambda value: value >= 0, "a whole number of at least 0")

    def one_of(self, column: str, allowed: tuple[str, ...]) -> str:
        """Return a text out of a few."""
        text = self._cells[column]
        if text not in allowed:
            raise self.error(column, " or ".join(name or "an empty cell" for name in allowed))
        return text

    def names(self, column: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
        """Return names joined by |, each out of a few."""
        names = tuple(name for name in self._cells[column].split("|") if name)
        if not set(names) <= set(allowed):
            raise self.error(column, f"names of regions joined by |, out of: {', '.join(allowed)}")
        return names

    def _parse(self, column: str, kind: Callable[[str], T], good: Callable[[T], bool], expected: str) -> T:
        try:
            value = kind(self._cells[column])
        except ValueError:
            raise self.error(column, expected) from None
        if not good(value):
            raise self.error(column, expected)
        return value


def table_rows(path: Path, header: tuple[str, ...], delimiter: str = ",") -> Iterator[TableRow]:
    """Yield the rows of a table with exactly these columns; row 1 is the header.

    Raises
    ------
    DatasetError
        The file cannot be read or is not such a table.
    """
    try:
        # utf-8-sig: spreadsheets put a byte order mark before the header.
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.reader(file, strict=True, delimiter=delimiter)
            found = tuple(next(lines, []))
            if found != header:
                raise DatasetError(
                    f"{str(path)!r}: the header is {','.join(found)!r}.", f"Expected {','.join(header)!r}."
                )
            for number, cells in enumerate(lines, start=2):
                if len(cells) != len(header):
                    where = header[min(len(cells), len(header) - 1)]
                    raise DatasetError(
                        f"{str(path)!r}, row {number}, column {where!r}: the row has {len(cells)} cells.",
                        f"Expected {len(header)}.",
                    )
                yield TableRow(path, number, dict(zip(header, cells, strict=True)))
    except OSError as error:
        raise DatasetError(f"cannot read {str(path)!r}: {error.strerror}.") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise DatasetError(f"{str(path)!r} is not a CSV table in UTF-8: {error}.") from None
