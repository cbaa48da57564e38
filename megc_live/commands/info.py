"""``megc-live info`` and ``megc-live cameras``."""

from __future__ import annotations

from dataclasses import asdict

from megc_live.commands.tables import print_json, print_table
from megc_live.info import collect, settings_table


def print_info(as_json: bool) -> None:
    """Print what is installed and what it can do."""
    facts = collect()
    if as_json:
        print_json(facts)
        return
    print_table("Versions", ("name", "version"), [{"name": k, "version": v} for k, v in facts["versions"].items()])
    print(f"Inference runs on: {facts['provider']}\n")
    print_table("Spotters", ("name", "stated_delay_s", "summary", "error"), facts["spotters"])
    print_table("Models", ("name", "sha256", "licence", "error"), facts["models"])
    for warning in facts["warnings"]:
        print(f"warning: {warning}")


def print_settings(as_json: bool) -> None:
    """Print every setting with kind, default, limits and meaning."""
    rows = list(settings_table())
    if as_json:
        print_json(rows)
        return
    print_table("Settings (TOML)", ("name", "default", "kind", "limits", "description"), rows)


def print_cameras(as_json: bool) -> None:
    """Print the cameras of this computer."""
    from megc_live.video import list_cameras

    rows = [asdict(camera) for camera in list_cameras()]
    if as_json:
        print_json(rows)
    elif rows:
        print_table("Cameras", list(rows[0]), rows)
    else:
        print("No camera found. Check that it is plugged in and that you may use it (group `video` on Linux).")
