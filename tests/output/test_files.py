"""Files that get their names together: all of them, or none."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from megc_live.errors import OutputError
from megc_live.output import files
from megc_live.output.files import PendingFile, publish_all, put_back_left

NAMES = ("intervals.csv", "bids/events.tsv", "review.csv", "session.json")


def finished(folder: Path, names: tuple[str, ...] = NAMES) -> list[PendingFile]:
    made = [PendingFile(folder / name) for name in names]
    for file in made:
        file.write(f"new {file.path.name}")
        file.finish()
    return made


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()
    }


def fail_for(monkeypatch: pytest.MonkeyPatch, name: str, *, to: bool) -> list[str]:
    """Let no file of a name be moved (``to``: get that name); return what was tried, in order."""
    real, tried = os.replace, []

    def replace(source: Any, target: Any, **how: Any) -> None:
        tried.append(Path(target if to else source).name)
        if tried[-1] == name:
            raise PermissionError(13, "it is open in another program")
        real(source, target, **how)

    monkeypatch.setattr(os, "replace", replace)
    return tried


def replaced(folder: Path, there: tuple[str, ...]) -> dict[str, str]:
    """Write earlier files and try to publish all; return what was there before."""
    for name in there:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"old {name}")
    before = contents(folder)
    ready = finished(folder)
    try:
        publish_all(ready, [folder / name for name in there])
    finally:
        for file in ready:
            file.discard()
    return before


def test_all_are_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    replaced(tmp_path, NAMES[1:])
    assert contents(tmp_path) == {name: f"new {Path(name).name}" for name in NAMES}


@pytest.mark.parametrize("there", [NAMES, NAMES[:2], NAMES[2:]])
@pytest.mark.parametrize("locked", [0, 1, 2, 3])
def test_a_file_that_is_open_elsewhere_keeps_all_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...], locked: int
) -> None:
    name = Path(NAMES[locked]).name
    fail_for(monkeypatch, name, to=False)
    if NAMES[locked] not in there:
        replaced(tmp_path, there)
        assert set(contents(tmp_path).values()) == {f"new {Path(name).name}" for name in NAMES}
        return
    with pytest.raises(OutputError, match=rf"{name}.*nothing was replaced.*Close it"):
        replaced(tmp_path, there)
    assert contents(tmp_path) == {name: f"old {name}" for name in there}


@pytest.mark.parametrize("there", [NAMES, NAMES[:1], NAMES[1:]])
@pytest.mark.parametrize("broken", NAMES)
def test_a_name_that_cannot_be_given_brings_all_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...], broken: str
) -> None:
    failed = []
    real = PendingFile.publish

    def publish(self: PendingFile, *, replace: bool = True) -> None:
        if self.path == tmp_path / broken and not failed:
            failed.append(self.path)
            raise OutputError("the disk is full.")
        real(self, replace=replace)

    monkeypatch.setattr(PendingFile, "publish", publish)
    with pytest.raises(OutputError, match="disk is full"):
        replaced(tmp_path, there)
    assert failed and contents(tmp_path) == {name: f"old {name}" for name in there}
    replaced(tmp_path, there)
    assert contents(tmp_path) == {name: f"new {Path(name).name}" for name in NAMES}


def test_the_record_goes_first_and_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = fail_for(monkeypatch, "no such file", to=False)
    replaced(tmp_path, NAMES)
    assert tried[0] == "session.json" and tried[-1].startswith(".session.json")


def test_that_an_earlier_file_could_not_get_its_name_back_is_told_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_for(monkeypatch, "review.csv", to=True)  # it can be moved away, and nothing can get its name
    with pytest.raises(OutputError, match=r"other names now: .*\.review\.csv\..*\.old") as told:
        replaced(tmp_path, NAMES)
    kept = {name: text for name, text in contents(tmp_path).items() if not name.startswith(".")}
    assert kept == {name: f"old {name}" for name in NAMES if name != "review.csv"}
    (hidden,) = tmp_path.glob(".review.csv.*")
    assert hidden.read_text() == "old review.csv" and str(hidden) in str(told.value)


def test_a_folder_under_a_file_s_name_stays(tmp_path: Path) -> None:
    (tmp_path / "session.json").mkdir()
    (tmp_path / "session.json" / "mine").write_text("mine")
    with pytest.raises(OutputError, match=r"session\.json"):
        publish_all(finished(tmp_path), [tmp_path / "session.json"])
    assert (tmp_path / "session.json" / "mine").read_text() == "mine"
    assert not (tmp_path / "intervals.csv").exists()


@pytest.mark.parametrize("named", [0, 1, len(NAMES)])
def test_a_program_that_ended_in_between_has_changed_all_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: int
) -> None:
    """Killed after it had given so many names."""
    done: list[Path] = []
    real = PendingFile.publish
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )

    def publish(self: PendingFile, *, replace: bool = True) -> None:
        if len(done) == named:
            raise KeyboardInterrupt
        real(self, replace=replace)
        done.append(self.path)

    with monkeypatch.context() as killed, suppress(KeyboardInterrupt):
        killed.setattr(os, "getpid", lambda: int(ended.stdout))
        killed.setattr(PendingFile, "publish", publish)
        killed.setattr(files, "_put_back", lambda published, aside: None)
        killed.setattr(Path, "unlink", lambda path, missing_ok=False: None)
        replaced(tmp_path, NAMES)
    assert len([name for name in contents(tmp_path) if name.endswith(".old")]) == len(NAMES)
    put_back_left(tmp_path)
    kept = {name: text for name, text in contents(tmp_path).items() if ".part" not in name}
    if named < len(NAMES):
        assert kept == {name: f"old {name}" for name in NAMES}
    else:
        assert kept == {name: f"new {Path(name).name}" for name in NAMES}


def test_what_a_running_program_has_moved_aside_is_left_alone(tmp_path: Path) -> None:
    hidden = tmp_path / f".session.json.{os.getpid()}-0123abcd.old"
    hidden.write_text("old")
    put_back_left(tmp_path)
    assert hidden.read_text() == "old"
