"""An evaluation of recognisers as one HTML page that needs nothing else."""

from __future__ import annotations

import base64
import io
from importlib.resources import files
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from megc_live.events import LABELS
from training.recognition.published import PARTS, PUBLISHED_ROWS

_TEMPLATE = "results.html.jinja"


def render(summary: dict[str, Any]) -> str:
    """Return the page of a summary (:func:`training.recognition.results.summarise`)."""
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = files("training.recognition").joinpath(_TEMPLATE).read_text(encoding="utf-8")
    found = list(summary["rows"][0]["scores"])
    synthetic = any(row.get("synthetic") for row in summary["rows"])
    return page.from_string(template).render(
        summary=summary,
        parts=found,
        synthetic=synthetic,
        # The published numbers are of the composite database and stand beside nothing else.
        published=PUBLISHED_ROWS if sorted(found) == sorted(PARTS) and not synthetic else (),
        published_at=[PARTS.index(part) if part in PARTS else 0 for part in found],
        pictures=[_picture(row) for row in summary["rows"]],
        name=row_name,
    )


def row_name(row: dict[str, Any]) -> str:
    """Return what a row is called wherever it is shown.

    Examples
    --------
    >>> row_name({"method": "ststnet", "labels": "shuffled", "leaky": True})
    'LEAKY ststnet, shuffled labels'
    """
    name = f"{'LEAKY ' * row['leaky']}{row['method']}{', shuffled labels' * (row['labels'] == 'shuffled')}"
    return f"{name}, synthetic" if row.get("synthetic") else name


def _picture(row: dict[str, Any]) -> str:
    """Draw a confusion matrix, shares of each truth; return it as a data address."""
    counts = np.array(row["confusion"], dtype=np.float64)
    total = counts.sum(1, keepdims=True)
    share = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    figure = Figure(figsize=(3.1, 2.7), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for i, j in np.ndindex(*share.shape):
        colour = "white" if share[i, j] > 0.5 else "black"
        axes.text(j, i, f"{share[i, j]:.2f}", ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(range(len(LABELS)), LABELS, fontsize=8)
    axes.set_yticks(range(len(LABELS)), LABELS, fontsize=8, rotation=90, va="center")
    axes.set_xlabel("answer", fontsize=8)
    axes.set_ylabel("truth", fontsize=8)
    axes.set_title(row_name(row), fontsize=9)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
