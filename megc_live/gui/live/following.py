"""What becomes of a snapshot and of a neutral face that were asked for; told as soon as it is known."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from PyQt6.QtCore import QObject, QTimer

from megc_live.baseline import Baseline
from megc_live.events import Event
from megc_live.gui.live.scale import HEAD_GATE
from megc_live.live_snapshot import Snapshot, Still
from megc_live.live_warnings import LIVELY_FACE
from megc_live.output.words import clock
from megc_live.spotting.interval import Interval

SETTLE_MS, SETTLES = 300, 10
"""Time between two looks for a picture that is still being written as the session ends, and how many."""
_REMEMBERED = 60
"""Movements that are held to be compared with a neutral face: far more than fall into one."""

Tell = Callable[[str, bool], None]
"""Told words, and whether they warn."""
Warn = Callable[[str], None]
"""Told a warning that stays in view; nothing, when it holds no more."""


class Stills:
    """Follows pictures until they are in their final places.

    Parameters
    ----------
    tell : callable
    parent : QObject
        Its timer is this one's child.
    """

    def __init__(self, tell: Tell, parent: QObject) -> None:
        self._tell = tell
        self._saving: Still | None = None
        self._kept: list[Still] = []
        self._looks = 0
        self._timer = QTimer(parent)
        self._timer.setInterval(SETTLE_MS)
        self._timer.timeout.connect(self._settle)

    def begin(self, still: Still) -> None:
        """A picture was asked for."""
        self._saving = still
        self._tell(f"Saving {still.final.name} …", False)

    def look(self, snapshot: Snapshot) -> None:
        """Say what has become of them; nothing more comes after the session is over."""
        if self._saving is not None:
            self._look_for(self._saving, snapshot)
        if snapshot.state in ("ended", "failed"):
            self._kept += [self._saving] if self._saving is not None else []
            self._saving, self._looks = None, 0
            if self._kept:
                self._settle()

    def _look_for(self, still: Still, snapshot: Snapshot) -> None:
        wrong = next((line for line in snapshot.warnings if str(still.now) in line), "")
        if still.now.is_file() or still.final.is_file():
            later = "" if still.final.is_file() else " (there when the session has ended)"
            self._tell(f"Snapshot: {still.final}{later}", False)
            self._kept.append(still)
        elif wrong:
            self._tell(f"No snapshot: {wrong}", True)
        else:
            return
        self._saving = None

    def _settle(self) -> None:
        """The session is over: see whether each picture is in its place, again where one is on its way."""
        missing = [still for still in self._kept if not still.settle()]
        self._looks += 1
        if missing and self._looks < SETTLES:
            self._timer.start()
            return
        self._timer.stop()
        last, self._kept = self._kept[-1:], []
        if missing:
            self._tell(f"{missing[0].final.name} was not kept: the session ended without it.", True)
        elif last:
            self._tell(f"Snapshot: {last[0].final}", False)


class Neutral:
    """Says how a neutral face was taken, and warns where the face moved meanwhile.

    A movement is often found only after the neutral face was taken: a macro-expression ends later.

    Parameters
    ----------
    tell : callable
    warn : callable
        Told that it is doubtful, until another one is taken or the session is over.

    Attributes
    ----------
    baseline : Baseline or None
        The newest one.
    doubtful : bool
        The face moved while it was taken: it should be taken again.
    """

    def __init__(self, tell: Tell, warn: Warn) -> None:
        self._tell, self._warn = tell, warn
        self._found: deque[tuple[int, Interval]] = deque(maxlen=_REMEMBERED)
        self._lively = False
        self.baseline: Baseline | None = None
        self.doubtful = False

    def forget(self) -> None:
        """Another session begins: what moved in the last one is no matter."""
        self._found.clear()
        self._lively = False

    def take(self, events: Iterable[Event]) -> None:
        """Take the movements that were found."""
        self._found.extend((event.face_id, event.interval) for event in events)

    def look(self, snapshot: Snapshot) -> bool:
        """Take what is known now; return whether the baseline is another one than before."""
        baseline = snapshot.baseline
        if snapshot.baseline_left_s > 0 and LIVELY_FACE in snapshot.warnings:
            self._lively = True
        new = baseline is not self.baseline
        if new:
            self.baseline, self.doubtful = baseline, False
            self._warn("")
            if baseline is not None:
                words = (
                    f"Neutral face taken: {baseline.seconds:.1f} s. It can be taken again at any time (B)."
                )
                self._tell(words, False)
        if baseline is not None and not self.doubtful and (why := self._moved(baseline, new)):
            self.doubtful = True
            self._warn(f"The neutral face is doubtful: {why}. Take it again (B).")
        if snapshot.state in ("ended", "failed"):
            self._warn("")
        if new:
            self._lively = False
        return new

    def words(self, snapshot: Snapshot) -> str:
        """Return what stands on the button: the seconds that are left, or whether to take it again."""
        left_s = snapshot.baseline_left_s
        if left_s > 0:
            return "Neutral, paused" if snapshot.state == "paused" else f"Neutral {left_s:.1f} s"
        return "Neutral again" if self.doubtful else "Neutral"

    def _moved(self, baseline: Baseline, new: bool) -> str:
        """Return what moved while the neutral face was taken, empty if nothing is known to have."""
        if baseline.head_mean >= HEAD_GATE:
            return "the head moved"
        if new and self._lively:
            return "the face moved a lot"
        moved = baseline.movement(self._found)
        return f"a {moved.kind}-expression at {clock(moved.onset_s)} falls into it" if moved else ""
