"""What the libraries would report to their makers, and how it is kept from them.

ONNX Runtime writes an id of this computer into the user's cache and reports that and how
models are run. It has a switch for that, which ``import megc_live`` sets.

MediaPipe reports to ``play.googleapis.com`` that a task was made, and has no switch. Its
library asks the environment for a proxy, as curl does: :func:`silence` names one that is not there. It is
called by the programs ``megc-live`` and ``megc-train`` and by no import, as it holds for the whole process:
other code in it that reads ``https_proxy`` would not get out either.
"""

from __future__ import annotations

import os
import urllib.request
from typing import Final

NOWHERE: Final = "http://127.0.0.1:9"
"""The port "discard" of this computer, on which nothing listens."""
_REPORTS_TO: Final = "play.googleapis.com"


def silence() -> None:
    """Let no library of this process, or of those that it starts, report anything.

    Downloads by :mod:`urllib` still go through the proxy that the user has set; addresses of cameras never
    went through ``https_proxy``.
    """
    own = urllib.request.getproxies()
    if own.get("https") != NOWHERE:
        urllib.request.install_opener(urllib.request.build_opener(urllib.request.ProxyHandler(own)))
    os.environ["https_proxy"] = NOWHERE
    for name in ("no_proxy", "NO_PROXY"):
        if name in os.environ:
            direct = [host for host in os.environ[name].replace(",", " ").split() if not _covers(host)]
            os.environ[name] = ",".join(direct)


def _covers(host: str) -> bool:
    """Whether an entry of ``no_proxy`` would let the reports out."""
    name = host.strip().lstrip("*.").casefold().partition(":")[0]
    return not name or name == _REPORTS_TO or _REPORTS_TO.endswith(f".{name}")
