"""How fast this computer is: throughput, time per stage, latency and memory, in one run.

Machines differ, so what counts are the ratios between figures of the same run.
"""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import psutil

from megc_live.engine import Engine
from megc_live.errors import SourceError
from megc_live.live import LiveRunner
from megc_live.models import ModelStore
from megc_live.settings import Settings
from megc_live.video import Frame, LivePlayer, open_source

LIVE_SECONDS = 10.0
"""Stream time that is replayed at its own pace to measure latency."""
LANDMARKER_FRAMES = 90
"""Frames on which the landmarker alone is timed."""


def measure(spec: str, settings: Settings | None = None, fps: float | None = None) -> dict[str, Any]:
    """Measure one recorded source.

    Parameters
    ----------
    spec : str
        A video file or a folder of images.
    settings : Settings, optional
    fps : float, optional
        Frame rate of a folder that does not state it.

    Returns
    -------
    dict
        JSON values. Rates in frames/s; ``*_ms`` in milliseconds; memory in MiB; ``None`` where the
        source gave nothing to measure. ``ratio_*`` compare rates of this run.

    Raises
    ------
    MegcError
        The source or a model cannot be opened, or the source is live: it has no end and cannot be read again.
    """
    settings = settings or Settings()
    process = psutil.Process()
    with open_source(spec, fps=fps) as source:
        info = source.info
    if info.live:
        raise SourceError(
            f"{info.spec!r} is live: it cannot be read several times at full speed.",
            "Record it to a file and measure that.",
        )
    started_mib = _mib(process)
    decode = _decode_rate(spec, fps)
    landmarker = _landmarker_rate(spec, fps, settings)
    analysis = _analysis(spec, fps, settings, process)
    latency = _latency(spec, fps, settings)
    return {
        "machine": {
            "cpus": os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "source": {
            "spec": info.spec,
            "width": info.width,
            "height": info.height,
            "fps": info.fps,
            "codec": info.codec,
            "frames": analysis.pop("frames"),
        },
        "decode_fps": _rounded(decode),
        "landmarker_every_frame_fps": _rounded(landmarker),
        **analysis,
        "ratio_analysis_to_landmarker_every_frame": _ratio(analysis["analysis_fps"], landmarker),
        "ratio_analysis_to_decode": _ratio(analysis["analysis_fps"], decode),
        "ratio_analysis_to_real_time": _ratio(analysis["analysis_fps"], info.fps),
        "live": latency,
        "rss_start_mib": started_mib,
        "rss_end_mib": _mib(process),
    }


def _decode_rate(spec: str, fps: float | None) -> float:
    with open_source(spec, fps=fps) as source:
        began = time.perf_counter()
        count = sum(1 for _ in source)
        return count / (time.perf_counter() - began)


def _landmarker_rate(spec: str, fps: float | None, settings: Settings) -> float:
    """Decode, colour conversion and MediaPipe's own tracking (mode VIDEO, one face) on the first frames."""
    import mediapipe as mp
    from mediapipe.tasks.python import BaseOptions, vision

    bundle = ModelStore(settings.models).landmarker().read_bytes()
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_buffer=bundle), running_mode=vision.RunningMode.VIDEO
    )
    with (
        vision.FaceLandmarker.create_from_options(options) as landmarker,
        open_source(spec, fps=fps) as source,
    ):
        last_ms = -1

        def detect(frame: Frame) -> None:
            nonlocal last_ms
            last_ms = max(last_ms + 1, round(1000 * frame.pts_s))  # whole milliseconds that must grow
            image = mp.Image(image_format=mp.ImageFormat.SRGB, data=frame.image.rgb())
            landmarker.detect_for_video(image, last_ms)

        frames = iter(source)
        for frame in islice(frames, 1):  # the first call builds the graph
            detect(frame)
        began = time.perf_counter()
        count = 0
        for frame in islice(frames, LANDMARKER_FRAMES):
            detect(frame)
            count += 1
        return count / (time.perf_counter() - began) if count else math.nan


def _analysis(spec: str, fps: float | None, settings: Settings, process: psutil.Process) -> dict[str, Any]:
    """Analyse the whole source as fast as it goes; memory is read ten times on the way."""
    with open_source(spec, fps=fps) as source, Engine(settings, source.info, overlap=True) as engine:
        began = time.perf_counter()
        count, memory, delays = 0, [], []
        every = max(1, (source.info.n_frames or 300) // 10)
        for frame in source:
            for event in engine.push(frame):
                if event.interval.kind == "micro":  # the stated delay is that of micro-expressions
                    delays.append(event.decided_s - event.interval.offset_s)
            engine.take_rows()
            count += 1
            if count % every == 0:
                memory.append(_mib(process))
        engine.flush()
        took = time.perf_counter() - began
        facts = engine.describe()
    return {
        "frames": count,
        "analysis_fps": _rounded(count / took),
        "stages": facts["stages"],
        "stated_delay_s": facts["stated_delay_s"],
        "offset_to_event_s": _percentiles(delays, 3),
        "rss_during_mib": memory,
    }


def _latency(spec: str, fps: float | None, settings: Settings) -> dict[str, Any]:
    """Replay the start of the source at its own pace through the live queue."""
    source = open_source(spec, fps=fps)
    with Engine(settings, source.info) as engine:

        def work(frame: Frame) -> None:
            engine.push(frame)
            engine.take_rows()

        runner = LiveRunner(
            _Head(source, LIVE_SECONDS), work, queue_seconds=settings.video.live_queue_seconds
        )
        runner.start()
        runner.join()
        capture, analysed = runner.stats()
    return {
        "seconds": LIVE_SECONDS,
        "captured": capture.enqueued,
        "processed": analysed.processed,
        "dropped": capture.dropped + analysed.dropped,
        "latency_ms": {
            name: _rounded(1000 * analysed.latency_s(percent))
            for name, percent in (("p50", 50), ("p95", 95), ("p99", 99))
        },
    }


class _Head(LivePlayer):
    """A player that ends after some seconds of stream time."""

    def __init__(self, source: Any, seconds: float) -> None:
        super().__init__(source)
        self._seconds = seconds

    def read(self) -> Frame | None:
        """Return the next frame, None after the last one of the head."""
        frame = super().read()
        return frame if frame is not None and frame.pts_s <= self._seconds else None


def _percentiles(values: list[float], digits: int) -> dict[str, float] | None:
    if not values:
        return None
    return {f"p{p}": round(float(np.percentile(values, p)), digits) for p in (50, 95, 100)}


def _mib(process: psutil.Process) -> float:
    return round(float(process.memory_info().rss) / 2**20, 1)


def _rounded(value: float) -> float | None:
    return round(value, 2) if math.isfinite(value) else None


def _ratio(over: float | None, under: float) -> float | None:
    return None if over is None or not under > 0 else _rounded(over / under)


def lines(facts: dict[str, Any]) -> Iterator[str]:
    """Yield the measurement as lines to read."""
    source, live = facts["source"], facts["live"]
    yield (
        f"{source['spec']}: {source['width']}x{source['height']}, {source['fps']:.2f} frames/s, "
        f"{source['frames']} frames; {facts['machine']['cpus']} CPUs"
    )
    yield f"decoding alone            {facts['decode_fps']} frames/s"
    yield f"landmarker on every frame {facts['landmarker_every_frame_fps']} frames/s"
    yield (
        f"analysis                  {facts['analysis_fps']} frames/s = "
        f"{facts['ratio_analysis_to_landmarker_every_frame']} x landmarker on every frame, "
        f"{facts['ratio_analysis_to_decode']} x decoding, {facts['ratio_analysis_to_real_time']} x real time"
    )
    for stage in facts["stages"]:
        per_frame, per_pass = stage["ms_per_frame"], stage["ms_per_pass"]
        yield f"  {stage['name']:<12} {per_frame:8.3f} ms/frame {per_pass:8.3f} ms/pass"
    yield (
        f"live: capture to result p50 {live['latency_ms']['p50']} ms, p95 {live['latency_ms']['p95']} ms, "
        f"p99 {live['latency_ms']['p99']} ms; {live['dropped']} of {live['captured']} frames dropped"
    )
    delays = facts["offset_to_event_s"]
    found = f"measured p50 {delays['p50']} s, p95 {delays['p95']} s" if delays else "no event to measure"
    yield f"offset to event: stated at most {facts['stated_delay_s']} s; {found}"
    yield f"memory: {facts['rss_start_mib']} MiB at the start, {facts['rss_end_mib']} MiB at the end"
