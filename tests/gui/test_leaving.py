"""What becomes of a session whose results take longer to write than the window may take to close."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pytestqt.qtbot import QtBot

from megc_live.cut_off import RUNNING
from megc_live.gui.preferences import Places, Preferences
from megc_live.gui.recent import RecentItem
from megc_live.output.columns import FRAME_HEADER, INTERVAL_HEADER
from megc_live.output.tables import csv_line
from tests.gui.conftest import Windows
from tests.output import made_up

SCRIPT = """
import sys, threading
from pathlib import Path

from megc_live.gui.app import _leave
from megc_live.live_session import LiveSession
from megc_live.settings import Settings
from tests.simulated import SimulatedCamera
from tests.test_live_session import GREY, Meter, until


class Slow(Meter):
    def flush(self):
        threading.Event().wait(1.5)
        return super().flush()


camera = SimulatedCamera(200.0, pictures=GREY)
session = LiveSession(camera.open, Settings(), folder=Path(sys.argv[1]), make_engine=Slow())
session.start()
until(session, lambda shot: shot.n_rows > 20)
assert not session.close(0.05)  # as the window does, which is gone then
_leave(7)
raise SystemExit(7)
"""


def test_results_are_written_after_the_window_has_gone(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 7, done.stderr
    (folder,) = tmp_path.iterdir()
    assert {"intervals.csv", "frames.csv", "session.json"} <= {path.name for path in folder.iterdir()}


def test_what_a_killed_program_left_of_a_session_is_offered_and_kept(
    new_window: Windows, places: Places, qtbot: QtBot
) -> None:
    results = Preferences(places).results
    part = results / ".talk.partial-99999999"
    part.mkdir(parents=True)
    session = made_up.session()
    session.run = dict(RUNNING)
    session.write(part)
    (part / ".intervals.csv.99999999-0123abcd.part").write_text(csv_line(INTERVAL_HEADER))
    (part / ".frames.csv.99999999-0123abcd.part").write_text(csv_line(FRAME_HEADER) + "0,0,0.0")
    window = new_window()
    qtbot.waitUntil(lambda: "ended in the middle of a live session" in window.banner.text.text())
    assert window.banner.button.text() == "Keep it"
    window.banner.button.click()
    qtbot.waitUntil(lambda: "Kept in talk-cut-off" in window.banner.text.text())
    kept = results / "talk-cut-off"
    assert sorted(path.name for path in kept.iterdir()) == ["frames.csv", "intervals.csv", "session.json"]
    assert (kept / "frames.csv").read_text() == csv_line(FRAME_HEADER), "the half line is left out"
    assert RecentItem(str(kept), "results") in window.recent.items, "it is found again after Dismiss"
    first = window.start.recent_list.item(0)
    assert first is not None and "talk-cut-off" in first.text()
    window.banner.button.click()
    qtbot.waitUntil(lambda: window.review.document is not None, timeout=20_000)
    assert window.workspace() == "Review"
    assert "cut off" in window.review.title.text()
