"""The spotters that look at the picture: on a rendered clip, in the program, and what they keep."""

from __future__ import annotations

import csv
import gc
import json
import weakref
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from megc_live import Engine, Settings, open_source
from megc_live.cli import app
from megc_live.errors import SettingsError
from megc_live.info import collect
from megc_live.models import ModelStore
from megc_live.spotting import SPOTTERS, Span, iou, make_spotter
from megc_live.spotting.base import spotter_models, stated_delay
from megc_live.spotting.picture import FaceSignal, numbers_only, with_picture
from megc_live.spotting.signals import RegionSignal
from megc_live.synthesis.demo import DEMO_CAMERA, portrait
from megc_live.synthesis.photo import animate_photo
from megc_live.synthesis.plan import PlannedEvent
from megc_live.synthesis.write import write_clip
from tests.spotting.pictures import blank, moving, observation, smile, with_crop
from training.spotting.signal_log import Listener

NAMES = ("lbp-chi2", "mdmd", "of-fd")
FPS = 25.0


@dataclass(frozen=True)
class Rendered:
    """A clip of the photograph with two movements, and what spotters are fed of it."""

    path: Path
    planted: list[PlannedEvent]
    signals: list[RegionSignal]


class Keeper:
    delay_s = 0.0

    def __init__(self) -> None:
        self.kept: list[RegionSignal] = []

    def push(self, signal: RegionSignal) -> list[Span]:
        self.kept.append(signal)
        return []

    def flush(self) -> list[Span]:
        return []


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    def event(unit: str, onset: float, seed: int) -> PlannedEvent:
        return PlannedEvent(
            "micro", (unit,), ("B",), onset, onset + 0.22, onset + 0.45, 0, 0, 0, 0.06, "", seed
        )

    rgb, points = portrait()
    life_rng, render_rng = np.random.default_rng(3).spawn(2)
    photo = animate_photo(
        rgb, points, 6.4, FPS, life_rng, size=(320, 256), eye_px=64.0, liveliness=0.3, blinks_per_min=0.0
    )
    plan = [event("AU12", 2.5, 1).at(photo.times_s), event("AU2", 4.6, 2).at(photo.times_s)]
    path = tmp_path_factory.mktemp("rendered") / "clip.mp4"
    write_clip(path, photo.frames(plan, rng=render_rng, camera=DEMO_CAMERA), fps=FPS, crf=DEMO_CAMERA.crf)
    keepers: list[Keeper] = []

    def keep() -> Keeper:
        keepers.append(Keeper())
        return keepers[-1]

    settings = Settings.from_dict({"recognition": {"recognizer": "none"}})
    with open_source(path) as source, Engine(settings, source.info, spotters=keep) as engine:
        for frame in source:
            engine.push(frame)
    return Rendered(path, plan, max((keeper.kept for keeper in keepers), key=len))


@pytest.mark.parametrize("name", NAMES)
def test_planted_movements_are_found_at_the_stated_delay(name: str, rendered: Rendered) -> None:
    spotter = make_spotter(name, ModelStore())
    spans = [(signal.pts_s, span) for signal in rendered.signals for span in spotter.push(signal)]
    spans += [(rendered.signals[-1].pts_s, span) for span in spotter.flush()]
    for event in rendered.planted:
        near = [
            (when, span)
            for when, span in spans
            if iou((event.onset, event.offset), (round(span.onset_s * FPS), round(span.offset_s * FPS)))
            >= 0.5
        ]
        assert len(near) == 1
        when, span = near[0]
        assert span.kind == "micro"
        assert when <= span.offset_s + stated_delay(spotter, FPS) + 1e-6
        part = {"AU12": "mouth", "AU2": "brow"}[event.units[0]]
        assert span.regions[0].startswith(part)


def test_the_program_runs_a_spotter_that_has_no_model(rendered: Rendered, tmp_path: Path) -> None:
    """`analyze` writes the spans of signals one by one; no model of that name is asked for."""
    options = ["--spotter", "of-fd", "--recognizer", "none", "--export", "html"]
    result = CliRunner().invoke(app, ["analyze", str(rendered.path), "--out", str(tmp_path), *options])
    assert result.exit_code == 0, result.output
    with (tmp_path / "clip" / "intervals.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    spotter = make_spotter("of-fd", ModelStore())
    spans = [span for signal in rendered.signals for span in spotter.push(signal)] + spotter.flush()
    assert [(int(row["onset_frame"]), int(row["offset_frame"]), row["kind"]) for row in rows] == [
        (round(s.onset_s * FPS), round(s.offset_s * FPS), s.kind) for s in spans
    ]
    session = json.loads((tmp_path / "clip" / "session.json").read_text(encoding="utf-8"))
    assert set(session["models"]) == {"face_landmarker.task"}
    assert session["delay"]["look_ahead_s"] == pytest.approx(stated_delay(spotter, FPS), abs=1e-3)
    assert "of-fd" in (tmp_path / "clip" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_signals_without_a_picture_are_refused(name: str) -> None:
    spotter = make_spotter(name, ModelStore())
    with pytest.raises(SettingsError, match=f"{name} looks at the face's picture.*Run it on the video"):
        spotter.push(blank(0, 0.0, fresh=True))


def test_a_signal_shows_the_observations_own_crop() -> None:
    face = observation()
    numbers = blank(3, 0.1, fresh=False)
    signal = with_picture(numbers, face)
    assert signal.crop is face.crop and signal.canonical is face.canonical and signal.depth is face.depth
    assert numbers_only(signal) == numbers and type(numbers_only(signal)) is RegionSignal
    assert numbers_only(numbers) is numbers


def test_a_log_of_signals_keeps_no_pictures() -> None:
    kept: list[tuple[int, RegionSignal]] = []
    Listener(kept, 0).push(with_crop(blank(0, 0.0, fresh=True), observation().crop))
    assert type(kept[0][1]) is RegionSignal


@pytest.mark.parametrize("name", NAMES)
def test_no_picture_is_kept_longer_than_the_window_needs(name: str) -> None:
    """Half a minute of a still face: pictures of the last seconds at most are still alive."""
    spotter = make_spotter(name, ModelStore())
    pictures: list[weakref.ref[np.ndarray]] = []
    face = observation()
    alive = []
    for i in range(300):
        crop = face.crop.copy()
        pictures.append(weakref.ref(crop))
        spotter.push(with_crop(blank(i, i / 10, fresh=i == 0), crop))
        del crop
        if i in (120, 299):
            gc.collect()
            alive.append(sum(picture() is not None for picture in pictures))
    assert max(alive) <= 30  # 2.6 s at 10 frames/s, of-fd's anchor
    assert alive[1] <= alive[0] + 1


def test_none_of_them_needs_a_model_and_info_says_their_delay() -> None:
    rows = {row["name"]: row for row in collect()["spotters"]}
    for name in NAMES:
        assert spotter_models(name) == ()
        assert SPOTTERS[name].capabilities["trained"] is False
        assert rows[name]["stated_delay_s"] == pytest.approx(
            stated_delay(make_spotter(name, ModelStore()), 25.0), abs=1e-3
        )
    assert spotter_models("ltp-net") == ("ltp-net",)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fps", [12.0, 40.0])
def test_stated_delay_holds_at_other_rates(name: str, fps: float) -> None:
    signals: list[FaceSignal] = moving(3.6, smile(2.0, 0.45), fps=fps)
    spotter = make_spotter(name, ModelStore())
    told = [(signal.pts_s, span) for signal in signals for span in spotter.push(signal)]
    assert any(span.kind == "micro" for _, span in told)
    for when, span in told:
        if span.kind == "micro":
            assert when <= span.offset_s + stated_delay(spotter, fps) + 1e-6


def test_the_page_of_spotters_names_all_with_their_delay() -> None:
    page = (Path(__file__).parents[2] / "docs" / "spotters.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.split("|")] for line in page.splitlines() if line.startswith("| `")
    ]
    delays = {row[1].split("`")[1]: float(row[-2].removesuffix(" s")) for row in rows}
    assert delays == {
        name: pytest.approx(stated_delay(make_spotter(name, ModelStore()), 25.0), abs=1e-3)
        for name in SPOTTERS
    }
