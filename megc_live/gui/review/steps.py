"""Which intervals of the list the arrow keys select next, wherever the focus is."""

from __future__ import annotations

from collections.abc import Collection, Sequence


class Steps:
    """Remembers where in the list the selection is, or was before the filter hid it."""

    def __init__(self) -> None:
        self._row = 0
        self._ends = (0, 0)
        """Numbers of the intervals at the end that stays and at the one that :meth:`extend` moved last."""

    def note(self, shown: Sequence[int], selected: Collection[int]) -> None:
        """Something is selected.

        Parameters
        ----------
        shown : sequence of int
            Numbers of the intervals that the filter lets through, in the order of the rows.
        selected : collection of int
        """
        self._row = next((row for row, number in enumerate(shown) if number in selected), self._row)

    def move(self, shown: Sequence[int], selected: Collection[int], by: int) -> frozenset[int]:
        """Return the one interval that is ``by`` rows further than what is selected; parameters of `note`."""
        if not shown:
            return frozenset()
        chosen = _rows_of(shown, selected)
        # where the filter has hidden what was selected, the next one stands in its row now
        row = (chosen[0] if by < 0 else chosen[-1]) + by if chosen else self._row + min(by, 0)
        return frozenset({shown[min(max(row, 0), len(shown) - 1)]})

    def extend(self, shown: Sequence[int], selected: Collection[int], by: int) -> tuple[frozenset[int], int]:
        """Move one end of what is selected by some rows: the end that was moved last, while nothing else was.

        Parameters are those of :meth:`note`, of which one at least is shown.

        Returns
        -------
        selected : frozenset of int
            All from one end to the other.
        end : int
            The interval at the end that was moved.
        """
        chosen = _rows_of(shown, selected)
        stays, end = (shown.index(number) if number in shown else -1 for number in self._ends)
        if chosen != _between(stays, end):
            stays, end = (chosen[-1], chosen[0]) if by < 0 else (chosen[0], chosen[-1])
        end = min(max(end + by, 0), len(shown) - 1)
        self._ends = shown[stays], shown[end]
        return frozenset(shown[row] for row in _between(stays, end)), shown[end]


def _rows_of(shown: Sequence[int], selected: Collection[int]) -> list[int]:
    return [row for row, number in enumerate(shown) if number in selected]


def _between(stays: int, end: int) -> list[int]:
    return list(range(min(stays, end), max(stays, end) + 1))
