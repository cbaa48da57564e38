"""Find, time and classify facial micro-expressions in live and recorded video."""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

# Read once, when ONNX Runtime is loaded, and inherited by processes that are started; see telemetry.py.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

if TYPE_CHECKING:
    from megc_live.engine import Engine
    from megc_live.settings import Settings
    from megc_live.video import open_source

try:
    __version__ = version("megc-live")
except PackageNotFoundError:  # run from a tree that was never installed
    __version__ = "0+unknown"

__all__ = ["Engine", "Settings", "__version__", "open_source"]

_HOMES = {
    "Engine": "megc_live.engine",
    "Settings": "megc_live.settings",
    "open_source": "megc_live.video",
}


def __getattr__(name: str) -> Any:
    # Lazy, so that `megc-live --help` and `import megc_live.errors` stay quick.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
