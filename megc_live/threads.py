"""How a process of this program shares the processor's cores among its threads.

Only programs call this, not the library: the settings are the process's own.
"""

from __future__ import annotations

import os
import sys

_OF_ONE_SOURCE = 2
"""The engine's own threads: faces in one, all else in the other."""
_SWITCH_S = 0.0005


def share_cores(sources: int = 1) -> None:
    """Set OpenCV's threads for a process that analyses one of ``sources`` at a time.

    An engine keeps two cores busy by itself; threads that OpenCV adds to each of its many short calls would
    only take turns with those. The two threads also hand the interpreter to each other sooner than by
    default, so that the one that finds faces does not wait while the other one counts.
    """
    import cv2

    cv2.setNumThreads(max(1, (os.cpu_count() or 1) // (_OF_ONE_SOURCE * max(1, sources))))
    sys.setswitchinterval(_SWITCH_S)
