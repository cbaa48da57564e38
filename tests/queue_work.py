"""Functions that stand for the analysis in the processes of a queue."""

from __future__ import annotations

import os
import signal
import time

from megc_live.batch import Outcome, Task
from megc_live.lanes import Report, Stopped

FRAMES = 40


def count(task: Task, report: Report, stopped: Stopped) -> Outcome:
    """Count frames as the name of the source says: endless, hanging, dying, bad, or forty."""
    part = task.out_dir / f".{task.job.name}.partial-{os.getpid()}"
    part.mkdir()
    name = task.job.name
    if name.startswith("bad"):
        part.rmdir()
        return Outcome(task.job.spec, name, "failed", error="no video stream")
    k = 0
    while k < FRAMES or name.startswith("endless"):
        if name.startswith("dying") and k == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        while name.startswith("hanging"):
            report(1, None)
            time.sleep(1)
        k += 1
        report(k, None if name.startswith("endless") else FRAMES)
        if stopped():
            part.rmdir()
            return Outcome(task.job.spec, name, "interrupted", frames=k)
    part.rmdir()
    return Outcome(task.job.spec, name, "done", frames=k, micro=2, macro=1, took_s=0.5)
