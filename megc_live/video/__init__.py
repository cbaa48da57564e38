"""Frames in: cameras, streams, video files, folders of images; the ring that keeps the last seconds."""

from __future__ import annotations

from megc_live.video.base import SOURCES, Source, SourceInfo
from megc_live.video.frame import Frame, PixelImage
from megc_live.video.player import Clock, LivePlayer, ManualClock, RealClock
from megc_live.video.reader import FrameReader
from megc_live.video.ring import FrameRing, RingFrame
from megc_live.video.sources import list_cameras, open_source

__all__ = [
    "SOURCES",
    "Clock",
    "Frame",
    "FrameReader",
    "FrameRing",
    "LivePlayer",
    "ManualClock",
    "PixelImage",
    "RealClock",
    "RingFrame",
    "Source",
    "SourceInfo",
    "list_cameras",
    "open_source",
]
