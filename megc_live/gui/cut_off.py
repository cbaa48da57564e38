"""Offers to keep what is left of a live session in whose middle the program has ended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from megc_live.cut_off import cut_off, keep
from megc_live.errors import MegcError


class CutOff(QObject):
    """Looks beside the window's thread: a folder of results may be on a slow disk.

    Attributes
    ----------
    told : pyqtSignal(str, str, object)
        What was found or done, what a button offers (empty: none), and what it does.
    kept : pyqtSignal(object)
        The folder of results that such a session has become, Path.
    """

    told = pyqtSignal(str, str, object)
    kept = pyqtSignal(object)

    def __init__(self, opened: Callable[[Path], object], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._opened = opened

    def look(self, results: Path) -> None:
        """Look for such sessions in the folder of results; returns at once."""
        self._beside(lambda: self._found(cut_off(results)))

    def _found(self, parts: Sequence[Path]) -> None:
        if parts:
            count = "a live session" if len(parts) == 1 else f"{len(parts)} live sessions"
            text = f"The program ended in the middle of {count}. What was written till then can be kept."
            self.told.emit(text, "Keep it", lambda: self._beside(lambda: self._keep(parts)))

    def _keep(self, parts: Sequence[Path]) -> None:
        kept: list[Path] = []
        wrong: list[str] = []
        for part in parts:
            try:
                kept.append(keep(part))
            except (MegcError, OSError) as error:  # one that is damaged costs the others nothing
                wrong.append(f"What is left in {part.name} cannot be kept: {error}")
        for folder in kept:
            self.kept.emit(folder)
        names = ", ".join(folder.name for folder in kept)
        told = [f"Kept in {names}, in {kept[0].parent}: delete it there if it is not wanted."] if kept else []
        opened = (lambda: self._opened(kept[0])) if kept else None
        self.told.emit(" ".join([*told, *wrong]), "Open in Review" if kept else "", opened)

    def _beside(self, work: Callable[[], object]) -> None:
        def run() -> None:
            with suppress(RuntimeError):  # the window has gone meanwhile
                try:
                    work()
                except (MegcError, OSError) as error:
                    self.told.emit(f"What is left of an earlier session cannot be kept: {error}", "", None)

        threading.Thread(target=run, name="megc-cut-off", daemon=True).start()
