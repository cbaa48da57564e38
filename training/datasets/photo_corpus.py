"""A small corpus of one bundled photograph: fitting without any footage."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from pathlib import Path

from megc_live.synthesis.demo import make_demo_clip
from megc_live.synthesis.plan import POSITIVE_KINDS
from training.datasets.synth import COLUMNS

_SECONDS, _FPS = 40.0, 30.0


def make_photo_corpus(out: Path, *, seed: int, clips: int = 3) -> Path:
    """Animate the photograph ``clips`` times, each under another 'person'.

    That people are apart cannot be had from one face: the parts differ in movements, sway and noise
    only. A model fitted on this shows that fitting works; it is worth nothing on other faces.

    Parameters
    ----------
    out : Path
        Folder of the corpus, laid out as :func:`training.datasets.synth.make_corpus` does.
    seed : int
    clips : int
    """
    (out / "clips").mkdir(parents=True, exist_ok=True)
    records, rows = [], []
    for k in range(clips):
        name = f"astronaut-{k}__photograph__s0"
        events = make_demo_clip(
            out / "clips" / f"{name}.mp4", seed=seed + 1000 + k, seconds=_SECONDS, fps=_FPS
        )
        frames = round(_SECONDS * _FPS)
        record = {
            "video": name,
            "person": f"astronaut-{k}",
            "source": "astronaut",
            "fps": _FPS,
            "frames": frames,
        }
        records.append(record)
        rows += [
            {
                **record, "onset": e.onset, "apex": e.apex, "offset": e.offset, "kind": e.kind,
                "label": e.label,
                "units": e.unit_text, "amplitude": round(e.amplitude, 5),
            }
            for e in events
        ]  # fmt: skip
        (out / "clips" / f"{name}.json").write_text(
            json.dumps({**record, "events": [asdict(e) | {"unit_text": e.unit_text} for e in events]}),
            encoding="utf-8",
        )
    for file, kinds in (("truth.csv", True), ("negatives.csv", False)):
        with (out / file).open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, COLUMNS)
            writer.writeheader()
            writer.writerows(row for row in rows if (row["kind"] in POSITIVE_KINDS) == kinds)
    (out / "corpus.json").write_text(
        json.dumps({"settings": {"seed": seed}, "clips": records}), encoding="utf-8"
    )
    return out
