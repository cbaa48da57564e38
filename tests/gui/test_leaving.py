"""What becomes of a session whose results take longer to write than the window may take to close."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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
