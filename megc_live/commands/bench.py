"""``megc-live bench``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from megc_live.bench import lines, measure
from megc_live.commands.tables import print_json
from megc_live.settings import Settings
from megc_live.threads import share_cores


def run(source: str | None, settings: Settings, *, as_json: bool, fps: float | None) -> None:
    """Measure ``source``, or a rendered clip, and print what was measured."""
    share_cores()  # as `analyze` does
    with tempfile.TemporaryDirectory(prefix="megc-live-bench-") as folder:
        facts = measure(source or _rendered(Path(folder)), settings, fps)
    if as_json:
        print_json(facts)
        return
    for line in lines(facts):
        print(line)


def _rendered(folder: Path) -> str:
    from megc_live.synthesis.demo import make_demo_clip

    clip = folder / "clip.mp4"
    make_demo_clip(clip, seed=1, seconds=15.0, fps=30.0, size=(640, 480))
    return str(clip)
