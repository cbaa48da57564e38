"""``megc-live info`` and ``megc-live cameras``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from megc_live.commands.tables import print_json, print_table
from megc_live.info import collect, settings_table


def print_info(as_json: bool) -> None:
    """Print what is installed and what it can do."""
    facts = collect()
    if as_json:
        print_json(facts)
        return
    print("Versions")
    for name, found in facts["versions"].items():
        print(f"  {name:<22} {found}")
    print(f"\nInference runs on {facts['provider']}\n\nSpotters")
    for row in facts["spotters"]:
        print(f"  {row['name']:<22} {row['summary']}")
        if "error" in row:
            print(f"  {'':<22} cannot run: {row['error']}")
        else:
            delay = f"at most {row['stated_delay_s']} s after its offset"
            print(f"  {'':<22} stated delay: a micro-expression is reported {delay}")
    print("\nModels")
    for line in model_lines(facts["models"]):
        print(line)
    for warning in facts["warnings"]:
        print(f"\nwarning: {warning}")


def model_lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the models as lines to read."""
    for row in rows:
        if row["ok"]:
            yield f"  {row['name']:<22} {row['licence']}"
            yield f"  {'':<22} SHA-256 {row['sha256']}"
            yield f"  {'':<22} {row['file']}"
        else:
            yield f"  {row['name']:<22} cannot be used: {row['error']}"


def print_settings(as_json: bool) -> None:
    """Print every setting with kind, default, limits and meaning: a settings file to start from."""
    rows = list(settings_table())
    if as_json:
        print_json(rows)
        return
    print("# Every setting with its default. Save what you change as a file and name it with --settings.")
    part = ""
    for row in rows:
        above, _, name = row["name"].rpartition(".")
        if above != part:
            part = above
            print(f"\n[{part}]")
        limits = f", {row['limits']}" if row["limits"] else ""
        print(f"# {row['description']} ({row['kind']}{limits})")
        print(f"{name} = {row['toml']}" if row["toml"] else f"# {name} =")


def print_cameras(as_json: bool) -> None:
    """Print the cameras of this computer."""
    from megc_live.video import list_cameras

    rows = [asdict(camera) for camera in list_cameras()]
    if as_json:
        print_json(rows)
    elif rows:
        print_table("Cameras", list(rows[0]), rows)
    else:
        print(
            "No camera found. Check that it is plugged in and that you may use it (group `video` on Linux)."
        )
