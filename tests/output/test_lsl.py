"""LSL outlets, without a network: what is pushed, and when it is said to have happened."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from megc_live.errors import OutputError
from megc_live.events import Event
from megc_live.output.lsl import SIGNAL_CHANNELS, LslOutlets, LslSettings
from megc_live.rows import no_face_row
from megc_live.spotting.interval import Interval
from megc_live.video import Frame, PixelImage


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
    span = Interval(60, 63, 70, 2.0, 2.1, 2.3333, score=0.8, kind="micro", regions=())
    outlets.on_event(Event(4, 0, span, 3.0))
    (((text,), onset),) = markers.pushed
    assert onset == pytest.approx(998.75)
    told = json.loads(text)
    assert (told["id"], told["kind"], told["label"], told["offset_s"]) == (4, "micro", "", 2.3333)
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
