"""A live session's recording of some frames of a clip, made by the recorder itself."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from megc_live.output.session import SessionInfo
from megc_live.video import open_source
from megc_live.video.recorder import Recorder


def record_beside(folder: Path, clip: Path, kept: Collection[int]) -> None:
    """Make the results in ``folder`` those of a camera of which only the frames ``kept`` were recorded."""
    recorder = Recorder(folder / "recording.mp4", 25.0, queue_seconds=100.0)
    with open_source(clip) as source:
        for frame in source:
            if frame.index in kept:
                assert recorder.offer(frame)
    assert recorder.close()
    session = SessionInfo.read(folder / "session.json")
    session.source.spec, session.source.kind, session.run = "camera:0", "camera", {}
    session.source.extras["recording"] = {"file": "recording.mp4", "frames": "recording.csv"}
    session.write(folder)
