"""Rules that hold for the project as a whole."""

from __future__ import annotations

import ast
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted([*(ROOT / "megc_live").rglob("*.py"), *(ROOT / "training").rglob("*.py")])
TEST_COMMAND = "python -m pip install -c constraints.txt -e '.[dev]' && python -m pytest"
DEMO_COMMAND = "python -m pip install -c constraints.txt . && megc-live demo"


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def readme_commands() -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    return [line for block in blocks for line in block.splitlines()]


def test_there_are_modules() -> None:
    assert len(MODULES) > 20


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_module_is_long(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= 450, f"{path.relative_to(ROOT)} has {lines} lines: split it"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_module_can_run_what_it_reads(path: Path) -> None:
    """No pickle, eval, exec, shell strings, listening sockets; no file that hides a pickle."""
    banned_modules = {"pickle", "dill", "cloudpickle", "marshal", "shelve", "socketserver", "http.server"}
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            assert not banned_modules & {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module not in banned_modules
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in {"eval", "exec", "os.system", "os.popen", "joblib.load"}, called
            assert not called.endswith((".listen", ".bind")), called
            given = {word.arg: ast.unparse(word.value) for word in node.keywords}
            assert given.get("shell", "False") == "False"
            assert given.get("allow_pickle", "False") == "False"
            assert given.get("weights_only", "True") == "True"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_is_left_for_later(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", text)


def test_each_module_says_what_it_is_for() -> None:
    silent = [
        p for p in MODULES if p.read_text(encoding="utf-8").strip() and not ast.get_docstring(tree_of(p))
    ]
    assert silent == []


def test_readme_opens_with_the_two_commands() -> None:
    assert readme_commands()[:2] == [DEMO_COMMAND, TEST_COMMAND]


def test_ci_runs_the_readmes_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    body = re.search(r"^readme_test_command\(\) \{\n\s*(.*?)\n\}", script, re.S | re.M)
    assert body is not None and body[1] == readme_commands()[1]
    assert 'check "README test command" readme_test_command' in script
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert "run: .ci/run" in workflow


def test_ci_script_can_be_run_and_parsed() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & stat.S_IXUSR
    subprocess.run(["bash", "-n", str(script)], check=True)


def test_constraints_pin_each_dependency_once_and_both_opencvs_alike() -> None:
    lines = [
        line
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line) for line in lines)
    pins = dict(line.split("==") for line in lines)
    assert len(pins) == len(lines)
    assert pins["opencv-python"] == pins["opencv-contrib-python"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["train"], *extras["dev"]]
    names = {re.split(r"[\[<>=~! ]", need)[0].lower().replace("_", "-") for need in wanted}
    assert names - {project["name"]} <= set(pins)


def test_licence_is_the_gpl() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "GNU GENERAL PUBLIC LICENSE" in text and "Version 3, 29 June 2007" in text


def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as run; run()",
            "--no-cache",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
