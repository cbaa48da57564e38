"""Options that several commands of ``megc-train`` share."""

from __future__ import annotations

from typing import Annotated

import typer

Seed = Annotated[int, typer.Option("--seed", min=0, help="Everything random comes from it.")]


Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Dask scheduler whose workers do it, instead of --jobs; they see OUT under the same path.",
    ),
]
