"""LSL outlets, without a network: what is pushed, and when it is said to have happened."""

from __future__ import annotations

import json
import sys
import uuid
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from megc_live.errors import OutputError
from megc_live.events import Event, Recognition
from megc_live.output.lsl import SIGNAL_CHANNELS, LslOutlets, LslSettings
from megc_live.rows import no_face_row
from megc_live.spotting.interval import Interval
from megc_live.video import Frame, PixelImage

PATIENCE = 20.0


class Element:
    def __init__(self, labels: list[str]) -> None:
        self.labels = labels

    def append_child(self, name: str) -> Element:
        return self

    def append_child_value(self, name: str, value: str) -> None:
        if name == "label":
            self.labels.append(value)


class Info:
    def __init__(self, name: str, kind: str, channels: int, rate: float, form: str, identity: str) -> None:
        self.name, self.kind, self.channels, self.rate, self.form = name, kind, channels, rate, form
        self.labels: list[str] = []

    def desc(self) -> Element:
        return Element(self.labels)


class Outlet:
    made: list[Outlet]

    def __init__(self, info: Info) -> None:
        self.info = info
        self.pushed: list[tuple[list[Any], float]] = []
        Outlet.made.append(self)

    def push_sample(self, sample: list[Any], stamp: float) -> None:
        assert len(sample) == self.info.channels
        self.pushed.append((sample, stamp))


@pytest.fixture
def lsl(monkeypatch: pytest.MonkeyPatch) -> list[Outlet]:
    Outlet.made = []
    fake = SimpleNamespace(StreamInfo=Info, StreamOutlet=Outlet, local_clock=lambda: 1000.0)
    monkeypatch.setitem(sys.modules, "pylsl", fake)
    return Outlet.made


def frame(index: int, t_s: float, t_capture: float) -> Frame:
    return Frame(index, t_s, PixelImage(np.zeros((2, 2), np.uint8), "grey"), t_capture)


def test_samples_carry_the_time_of_capture(lsl: list[Outlet]) -> None:
    outlets = LslOutlets(LslSettings(name="lab"), "camera0", now=lambda: 50.25)
    markers, signals = lsl
    assert (markers.info.name, signals.info.name) == ("lab-markers", "lab-signals")
    assert signals.info.labels == list(SIGNAL_CHANNELS) and signals.info.rate == 0.0
    newest = frame(90, 3.0, 50.0)  # captured a quarter of a second ago, at 999.75 of LSL's clock
    outlets.at(newest)
    outlets.on_row(no_face_row(newest))
    ((values, stamp),) = signals.pushed
    assert stamp == pytest.approx(999.75) and values[:2] == [90.0, -1.0] and np.isnan(values[2:]).all()
    span = Interval(60, 63, 70, 2.0, 2.1, 2.3333, score=0.8, kind="micro", regions=("left_mouth_corner",))
    outlets.on_event(Event(4, 0, span, 3.0))
    (((text,), onset),) = markers.pushed
    assert onset == pytest.approx(998.75)
    told = json.loads(text)
    assert (told["id"], told["kind"], told["label"], told["offset_s"]) == (4, "micro", "", 2.3333)
    assert told["regions"] == ["left_mouth_corner"] and told["probabilities"] is None
    seen = Recognition("positive", (0.2, 0.7, 0.1), np.zeros((28, 28, 3), np.uint8))
    outlets.on_event(Event(5, 0, span, 3.0, seen))
    told = json.loads(markers.pushed[-1][0][0])
    assert told["label"] == "positive"
    assert told["probabilities"] == {"negative": 0.2, "positive": 0.7, "surprise": 0.1}
    assert outlets.record() == {"markers": "lab-markers", "signals": "lab-signals"}
    outlets.close()
    outlets.close()
    outlets.on_row(no_face_row(newest))
    assert len(signals.pushed) == 1


def test_only_what_was_asked_for_is_opened(lsl: list[Outlet]) -> None:
    LslOutlets(LslSettings(markers=False), "camera0")
    assert [outlet.info.name for outlet in lsl] == ["megc-live-signals"]


def test_nothing_is_imported_before_it_is_asked_for_and_missing_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pylsl", None)
    with pytest.raises(OutputError, match=r"megc-live\[lsl\]"):
        LslOutlets(LslSettings(), "camera0")


def test_a_real_inlet_gets_what_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    pylsl = pytest.importorskip("pylsl")
    name = f"megc-test-{uuid.uuid4().hex[:8]}"  # other programs may have outlets open
    outlets = LslOutlets(LslSettings(name=name), "camera0", now=lambda: 50.25)
    try:
        inlets = []
        for kind in ("markers", "signals"):
            found = pylsl.resolve_byprop("name", f"{name}-{kind}", 1, PATIENCE)
            assert len(found) == 1, f"no outlet {name}-{kind}"
            inlets.append(pylsl.StreamInlet(found[0], recover=False))
            inlets[-1].open_stream(PATIENCE)
        markers, signals = inlets
        newest = frame(90, 3.0, 50.0)
        before = pylsl.local_clock()
        outlets.at(newest)
        after = pylsl.local_clock()
        outlets.on_row(no_face_row(newest))
        span = Interval(60, 63, 70, 2.0, 2.1, 2.3333, score=0.8, kind="micro", regions=("left_mouth_corner",))
        seen = Recognition("positive", (0.2, 0.7, 0.1), np.zeros((28, 28, 3), np.uint8))
        outlets.on_event(Event(4, 0, span, 3.0, seen))
        values, stamp = signals.pull_sample(PATIENCE)
        assert before - 0.25 <= stamp <= after - 0.25  # when it was captured
        assert values[:2] == [90.0, -1.0] and np.isnan(values[2:]).all()
        (text,), onset = markers.pull_sample(PATIENCE)
        assert stamp - onset == pytest.approx(1.0)
        told = json.loads(text)
        assert (told["id"], told["label"], told["regions"]) == (4, "positive", ["left_mouth_corner"])
        assert told["probabilities"] == {"negative": 0.2, "positive": 0.7, "surprise": 0.1}
        description = signals.info(PATIENCE).desc().child("channels").child("channel")
        labels = []
        while not description.empty():
            labels.append(description.child_value("label"))
            description = description.next_sibling("channel")
        assert labels == list(SIGNAL_CHANNELS)
    finally:
        for inlet in inlets:
            inlet.close_stream()
        outlets.close()
