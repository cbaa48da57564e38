"""Networks to ONNX: parity is checked before a file gets its final name.

A model is a pair ``NAME.onnx`` and ``NAME.json``; the card holds the file's SHA-256, and
:class:`megc_live.models.ModelStore` refuses a file that does not match its card.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from torch import nn

from megc_live.errors import ModelError
from megc_live.models import sha256_of

PARITY = 1e-4
"""Largest difference between torch and onnxruntime that is let pass."""


def export_torch(
    model: nn.Module,
    inputs: dict[str, torch.Tensor],
    output: str,
    folder: Path,
    name: str,
    card: dict[str, Any],
    *,
    batched: bool = False,
) -> Path:
    """Export a torch model with its card.

    Parameters
    ----------
    model : torch.nn.Module
        In eval mode.
    inputs : dict of str to Tensor
        Example inputs by the names they get.
    output : str
        Name of the one output.
    folder, name
        Files ``folder/name.onnx`` and ``folder/name.json``.
    card : dict
        What the card says; ``name``, ``sha256`` and ``parity`` are added.
    batched : bool
        The first axis of every input may have any length.

    Raises
    ------
    ModelError
        onnxruntime's answers differ from torch's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{name}.{os.getpid()}.part.onnx"
    try:
        dims = tuple({0: torch.export.Dim("batch", min=1)} for _ in inputs) if batched else None
        program = torch.onnx.export(
            model,
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=[output],
            dynamo=True,
            dynamic_shapes=dims,
            external_data=False,
            verbose=False,
        )
        assert program is not None
        program.save(str(part), external_data=False)
        difference = parity(part, model, inputs)
        if not difference <= PARITY:
            raise ModelError(f"the exported {name} differs from torch by {difference:.2g}.", "It was not written.")
        digest = sha256_of(part)
        path = folder / f"{name}.onnx"
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    write_card(folder / f"{name}.json", {"name": name, **card, "sha256": digest, "parity": float(f"{difference:.2g}")})
    return path


def parity(path: Path, model: nn.Module, inputs: dict[str, torch.Tensor]) -> float:
    """Largest absolute difference between torch and onnxruntime on the inputs."""
    with torch.no_grad():
        expected = model(*inputs.values()).numpy()
    session = ort.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    found = session.run(None, {key: value.numpy() for key, value in inputs.items()})[0]
    return float(np.abs(found - expected).max())


def write_card(path: Path, card: dict[str, Any]) -> None:
    """Write a card, under a temporary name first."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(part, path)
