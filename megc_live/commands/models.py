"""``megc-live models``: list, verify, fetch."""

from __future__ import annotations

from megc_live.commands.info import model_lines
from megc_live.commands.shell import FAILED, OK, print_error
from megc_live.commands.tables import print_json
from megc_live.info import model_table
from megc_live.models import ModelStore
from megc_live.settings import Settings


def print_models(as_json: bool, settings: Settings) -> None:
    """Print each model with file, hash and licence."""
    rows = model_table(ModelStore(settings.models))
    if as_json:
        print_json(rows)
    else:
        for line in model_lines(rows):
            print(line)


def verify(settings: Settings) -> int:
    """Check every model; return the exit code."""
    checks = ModelStore(settings.models).verify()
    for check in checks:
        if check.ok:
            print(f"good  {check.name}  {check.message}")
        else:
            print_error(f"{check.name}: {check.message}")
    return OK if all(check.ok for check in checks) else FAILED


def fetch() -> None:
    """Download the face landmarker; raises ModelError."""
    print(f"written: {ModelStore().fetch()}")
