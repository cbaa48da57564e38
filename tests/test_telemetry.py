"""No library reports anything: each test in a process of its own, as what is set holds for all of it."""

from __future__ import annotations

import json
import os
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PATIENCE_S = 120.0
ELSEWHERE = "http://proxy.lab.example:3128"

LANDMARKER = """
import numpy as np
from megc_live import telemetry
telemetry.NOWHERE = {where!r}
telemetry.silence()
from megc_live.face.landmarks import Landmarker
from megc_live.models import ModelStore
from megc_live.settings import Settings
finder = Landmarker(ModelStore(Settings().models).landmarker())
finder.close()
"""


def environment(**more: str) -> dict[str, str]:
    """What a user has who has set nothing, and more."""
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower() and name != "CI"}
    kept.pop("ORT_DISABLE_TELEMETRY", None)
    return {**kept, **more}


def run(code: str, **more: str) -> str:
    """Run Python code in a process of its own; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(**more), capture_output=True, text=True,
        check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("module", ["megc_live.cli", "training.cli"])
def test_both_programs_keep_reports_from_getting_out(module: str) -> None:
    said = run(
        f"import os, sys; from {module} import main\nsys.argv = ['it', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\nprint(os.environ['https_proxy'])"
    )
    assert said.endswith("http://127.0.0.1:9\n")


def test_what_the_user_has_set_still_holds_for_downloads() -> None:
    said = run(
        "import json, os, urllib.request as r\nfrom megc_live.telemetry import silence\n"
        "silence()\nsilence()\n"
        "(own,) = [h for h in r._opener.handlers if isinstance(h, r.ProxyHandler)]\n"
        "print(json.dumps([own.proxies['https'], os.environ['https_proxy'], os.environ['no_proxy']]))",
        https_proxy=ELSEWHERE,
        no_proxy="camera.lab.example, .googleapis.com,*,localhost",
    )
    assert json.loads(said) == [ELSEWHERE, "http://127.0.0.1:9", "camera.lab.example,localhost"]


class Proxy(socketserver.StreamRequestHandler):
    """Notes who is asked for, and lets nobody through."""

    def handle(self) -> None:
        asked = self.rfile.readline().decode().strip()
        self.server.asked.append(asked)  # type: ignore[attr-defined]
        self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")


@pytest.fixture
def proxy() -> Iterator[socketserver.ThreadingTCPServer]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Proxy) as server:
        server.asked = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("before", ["", "*"])
def test_mediapipe_goes_where_it_is_sent(proxy: socketserver.ThreadingTCPServer, before: str) -> None:
    """What it would report arrives at the proxy that is named, whatever the user has excepted."""
    code = LANDMARKER.format(where=f"http://127.0.0.1:{proxy.server_address[1]}")
    asked: list[str] = proxy.asked  # type: ignore[attr-defined]
    with subprocess.Popen(
        [sys.executable, "-c", f"{code}\nimport sys\nsys.stdin.read()"], cwd=ROOT,
        env=environment(**({"no_proxy": before} if before else {})),
        stdin=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as child:  # fmt: skip
        ends = time.monotonic() + PATIENCE_S
        while not asked and child.poll() is None and time.monotonic() < ends:
            time.sleep(0.05)
        assert child.stdin is not None
        child.stdin.close()
    assert child.returncode == 0
    assert asked and all(line.startswith("CONNECT play.googleapis.com:443") for line in asked)


def test_onnx_runtime_leaves_nothing_behind(tmp_path: Path) -> None:
    where = {name: str(tmp_path / name) for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
    for folder in where.values():
        Path(folder).mkdir()
    model = next((ROOT / "exported_models").glob("*.onnx"))
    run(
        f"import megc_live, time, onnxruntime as ort\nort.InferenceSession({str(model)!r})\ntime.sleep(1)",
        **where,
    )
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
