"""Fitted models to ONNX: parity is checked before a file gets its final name.

A model is a pair ``NAME.onnx`` and ``NAME.json``; the card holds the file's SHA-256, and
:class:`megc_live.models.ModelStore` refuses a file that does not match its card.
"""

from __future__ import annotations

import json
import logging
import math
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper
from torch import nn

from megc_live.errors import ModelError, OutputError
from megc_live.models import ModelCard, sha256_of
from megc_live.output.files import write_whole

PARITY = 1e-4
"""Largest difference between a fitted model and onnxruntime that is let pass."""

Arrays = dict[str, NDArray[np.float32]]

_ROWS = "flattened_rows"


def export_torch(
    model: nn.Module,
    inputs: dict[str, torch.Tensor],
    outputs: str | tuple[str, ...],
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
    outputs : str or tuple of str
        Name of the one output, or of each.
    folder, name
        Files ``folder/name.onnx`` and ``folder/name.json``.
    card : dict
        What the card says; ``name``, ``sha256`` and ``parity`` are added.
    batched : bool
        The first axis of every input may have any length.

    Returns
    -------
    Path
        The ONNX file; weights are inside, there is no second data file.

    Raises
    ------
    ModelError
        onnxruntime's answers differ from torch's.
    OutputError
        The folder cannot be written.
    """
    names = (outputs,) if isinstance(outputs, str) else outputs

    def write(part: Path) -> None:
        dims = tuple({0: torch.export.Dim("batch", min=1)} for _ in inputs) if batched else None
        with _quiet():
            program = torch.onnx.export(
                model,
                tuple(inputs.values()),
                input_names=list(inputs),
                output_names=list(names),
                dynamo=True,
                dynamic_shapes=dims,
                external_data=False,
                verbose=False,
            )
        if program is None:
            raise ModelError(
                f"torch made no ONNX program of {name}.", "Check the versions of torch and onnx."
            )
        _save(program.model_proto, part)

    def expected(arrays: Arrays) -> list[NDArray[np.floating]]:
        with torch.no_grad():
            found = model(*(torch.from_numpy(value) for value in arrays.values()))
        return [np.asarray(value) for value in ((found,) if isinstance(outputs, str) else found)]

    arrays = {key: value.detach().numpy() for key, value in inputs.items()}
    checks = [arrays, *({key: v[:1] for key, v in arrays.items()} for _ in range(batched))]
    return _export(write, expected, checks, names, folder, name, card)


def export_sklearn(
    model: Any,
    example: NDArray[np.float32],
    folder: Path,
    name: str,
    card: dict[str, Any],
    *,
    input_name: str = "flow",
) -> Path:
    """Export a scikit-learn classifier with ``predict_proba`` and its card.

    Parameters
    ----------
    model : estimator
        Fitted on rows of features: the example's axes after the first, flattened.
    example : ndarray of float32, shape (n, ...)
        Input of the ONNX model, such as (n, 3, 28, 28); any n will do later.
    folder, name, card
        As in :func:`export_torch`.
    input_name : str
        The output is called ``probabilities``.

    Returns
    -------
    Path
        The ONNX file.

    Raises
    ------
    ModelError
        onnxruntime's probabilities differ from scikit-learn's.
    OutputError
        The folder cannot be written.
    """
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    rows = example.reshape(len(example), -1)

    def write(part: Path) -> None:
        made = to_onnx(
            model,
            initial_types=[(_ROWS, FloatTensorType([None, rows.shape[1]]))],
            options={"zipmap": False},
        )
        _save(_classifier_graph(made, input_name, example.shape[1:], len(model.classes_)), part)

    def expected(arrays: Arrays) -> list[NDArray[np.floating]]:
        return [np.asarray(model.predict_proba(next(iter(arrays.values())).reshape(-1, rows.shape[1])))]

    checks: list[Arrays] = [{input_name: example}, {input_name: example[:1]}]
    return _export(write, expected, checks, ("probabilities",), folder, name, card)


def _save(model: onnx.ModelProto, path: Path) -> None:
    """Save without the notes of the exporter, which name source files of the machine that it ran on."""
    graph = model.graph
    for part in (
        model,
        graph,
        *graph.node,
        *graph.input,
        *graph.output,
        *graph.value_info,
        *graph.initializer,
    ):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says of its own parts and of packages it could use: the result is checked."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _classifier_graph(
    made: onnx.ModelProto, input_name: str, shape: Sequence[int], classes: int
) -> onnx.ModelProto:
    """Flatten what comes in; of what goes out keep the probabilities."""
    graph = made.graph
    graph.node.insert(0, helper.make_node("Flatten", [input_name], [_ROWS], axis=1))
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info(input_name, TensorProto.FLOAT, ["batch", *shape]))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", classes]))
    return made


def _export(
    write: Callable[[Path], None],
    expected: Callable[[Arrays], list[NDArray[np.floating]]],
    checks: Sequence[Arrays],
    names: tuple[str, ...],
    folder: Path,
    name: str,
    card: Mapping[str, Any],
) -> Path:
    """Write under a temporary name, compare on all ``checks``, give the final name, write the card."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write to {str(folder)!r}: {error.strerror}.") from None
    part = folder / f".{name}.{os.getpid()}.part.onnx"
    path = folder / f"{name}.onnx"
    try:
        write(part)
        difference = max(_difference(part, expected, arrays, names) for arrays in checks)
        if not difference <= PARITY:
            raise ModelError(
                f"the exported {name} differs from the fitted model by {difference:.2g}, "
                f"at most {PARITY:g} is allowed.",
                "It was not written.",
            )
        digest = sha256_of(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    full = {"name": name, **card, "sha256": digest, "parity": float(f"{difference:.2g}")}
    write_card(folder / f"{name}.json", full)
    return path


def _difference(
    path: Path,
    expected: Callable[[Arrays], list[NDArray[np.floating]]],
    arrays: Arrays,
    names: tuple[str, ...],
) -> float:
    session = ort.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    pairs = zip(session.run(list(names), arrays), expected(arrays), strict=True)
    return max(
        float(np.abs(found - wanted).max()) if found.shape == wanted.shape else math.inf
        for found, wanted in pairs
    )


def write_card(path: Path, card: dict[str, Any]) -> None:
    """Write a card, whole or not at all.

    Raises
    ------
    pydantic.ValidationError
        It has no hash, or a value of the wrong kind (:class:`megc_live.models.ModelCard`).
    OutputError
        There is no writing at that place.
    """
    ModelCard.model_validate(card)
    write_whole(path, json.dumps(card, indent=2, ensure_ascii=False) + "\n")
