"""An evaluation of spotters on long videos as one HTML page that needs nothing else."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

from training.spotting.long.published import PUBLISHED
from training.spotting.long.scores import PARTS, PROTOCOLS
from training.spotting.long.summary import part_score

_TEMPLATE = "report.html.jinja"


def render(summary: dict[str, Any]) -> str:
    """Return the page of a summary (:func:`training.spotting.long.summary.summarise`)."""
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page.filters["f1"] = lambda value: "" if value is None else f"{value:.4f}"
    template = files("training.spotting.long").joinpath(_TEMPLATE).read_text(encoding="utf-8")
    return page.from_string(template).render(
        summary=summary,
        name="a synthetic corpus" if summary["synthetic"] else summary["dataset"],
        mark=" (synthetic)" if summary["synthetic"] else "",
        protocols=PROTOCOLS,
        rules=[rule for rule in summary["rows"][0]["scores"]["MEGC2021+"] if rule != "strs"],
        parts=PARTS,
        published=PUBLISHED[summary["dataset"]],
        part_of=part_score,
    )
