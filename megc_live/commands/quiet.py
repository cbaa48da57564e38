"""Keeps the chatter of native libraries off the terminal."""

from __future__ import annotations

import io
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

CHATTER = re.compile(
    rb"^([IW]\d{4} \d\d[:\d]+\.\d+ |WARNING: (All log messages before absl|Logging before Init)"
    rb"|INFO: Created TensorFlow Lite)"
)
"""Information and warnings of MediaPipe and TensorFlow Lite, which no setting of theirs turns off."""
_END = b"\0end of filter"


@contextmanager
def without_chatter() -> Iterator[None]:
    """Drop such lines from file descriptor 2; whatever else is written there goes through.

    Python's own ``sys.stderr`` is led around the filter, so that it still is the terminal. Workers
    started inside inherit the filter.
    """
    try:
        real = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    reading, writing = os.pipe()
    os.dup2(writing, 2)
    os.close(writing)
    pump = threading.Thread(target=_pump, args=(reading, real), name="stderr filter", daemon=True)
    pump.start()
    before = sys.stderr
    if _writes_to_descriptor_2(before):
        before.flush()
        sys.stderr = os.fdopen(os.dup(real), "w", buffering=1, encoding=before.encoding, errors=before.errors)
    try:
        yield
    finally:
        if sys.stderr is not before:
            sys.stderr.close()
            sys.stderr = before
        os.write(2, _END + b"\n")
        os.dup2(real, 2)
        pump.join()
        os.close(reading)
        os.close(real)


def _writes_to_descriptor_2(stream: object) -> bool:
    try:
        return isinstance(stream, io.TextIOWrapper) and stream.fileno() == 2
    except OSError:
        return False


def _pump(reading: int, real: int) -> None:
    with os.fdopen(reading, "rb", buffering=0, closefd=False) as raw:
        rest = b""
        while chunk := raw.read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                last = line.endswith(_END)
                text = line.removesuffix(_END) if last else line + b"\n"
                if not CHATTER.match(text):
                    os.write(real, text)
                if last:
                    return
