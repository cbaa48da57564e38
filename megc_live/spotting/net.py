"""``ltp-net``: a small temporal network over the regions' patterns and motion. The default spotter.

Each 30th of a second the network sees the last 4.1 s of features, up to 0.37 s past the step that it
judges. It moves one step at a time, so the result does not depend on how frames arrive, and it keeps what
it made of earlier steps instead of making it again.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from megc_live.errors import ModelError
from megc_live.models import ModelStore
from megc_live.spotting.base import SPOTTERS, Span
from megc_live.spotting.decode import PEAK_REACH, Decoder, Score
from megc_live.spotting.features import GRID_HZ, N_FEATURES, N_REGIONS, N_SIGNALS, Grid, GridSample
from megc_live.spotting.signals import RegionSignal

F32 = NDArray[np.float32]

FEATURE_STEPS = 53
"""Steps of features that one column of the network's inner layer is made of."""
HISTORY_STEPS = 70
"""Columns before the newest one that an answer depends on."""
WINDOW_STEPS = FEATURE_STEPS + HISTORY_STEPS
"""Steps that an answer depends on."""
LOOK_AHEAD_STEPS = 11
_RESET_S = 1.0


@SPOTTERS.register(
    "ltp-net",
    summary="temporal network over local temporal patterns and head-free motion",
    kinds=("micro", "macro"),
    trained=True,
)
class NetSpotter:
    """The network spotter of one face.

    Parameters
    ----------
    models : ModelStore
    threshold : float, optional
        Score that a micro-expression must reach; the model card's own by default.

    Raises
    ------
    ModelError
        The model is missing, altered, or made for other features.
    """

    delay_s = (LOOK_AHEAD_STEPS + PEAK_REACH + 1) / GRID_HZ

    def __init__(self, models: ModelStore, threshold: float | None = None) -> None:
        card = models.get("ltp-net").card
        self._network = Network(models.session("ltp-net"))
        if threshold is None:
            try:
                threshold = float(card["settings"]["threshold"])
            except (KeyError, TypeError, ValueError):
                raise ModelError(
                    "the card of the model ltp-net names no settings.threshold.",
                    "Give one with the setting spotting.threshold, or rebuild the model.",
                ) from None
        self._threshold = threshold
        self._newest_s: float | None = None
        self._begin()

    def push(self, signal: RegionSignal) -> list[Span]:
        """Take the next signal; return the spans that became certain."""
        out: list[Span] = []
        if self._newest_s is not None and signal.pts_s - self._newest_s > _RESET_S:
            out += self.flush()
        self._newest_s = signal.pts_s
        for sample in self._grid.push(signal):
            out += self._judge(sample)
        return out

    def flush(self) -> list[Span]:
        """Judge the last steps with nothing after them, and start anew."""
        out: list[Span] = []
        for _ in range(LOOK_AHEAD_STEPS):
            out += self._judge(None)
        out += self._decoder.flush()
        self._begin()
        return out

    def _begin(self) -> None:
        self._grid = Grid()
        self._decoder = Decoder(self._threshold)
        self._network.begin()
        self._ahead: deque[GridSample | None] = deque()
        self._newest_s = None

    def _judge(self, newest: GridSample | None) -> list[Span]:
        """Take one step and judge the step that lies ``LOOK_AHEAD_STEPS`` back."""
        answer = self._network.step(None if newest is None else newest.vector)
        if newest is not None:
            self._decoder.observe(newest.t_s, region_motion(newest.vector))
        self._ahead.append(newest)
        if len(self._ahead) <= LOOK_AHEAD_STEPS:
            return []
        step = self._ahead.popleft()
        if step is None:
            return []
        if not step.valid:
            return self._decoder.push(Score(step.step, step.t_s, 0.0, 0.0, 0.0, 0.0))
        return self._decoder.push(Score(step.step, step.t_s, *(float(value) for value in answer)))


class Network:
    """The network with its memory: one step in, one answer out.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        Inputs ``features``, float32 (1, N_FEATURES, 53), and ``past``, (1, channels, 70); outputs ``scores``,
        (1, 4, 1), and ``column``, (1, channels, 1), which belongs at the end of the next step's ``past``.

    Raises
    ------
    ModelError
        The model has other inputs.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        given = {i.name: list(i.shape) for i in session.get_inputs()}
        made = [1, N_FEATURES, FEATURE_STEPS]
        channels = given.get("past", [0, 0])[1]
        if given != {"features": made, "past": [1, channels, HISTORY_STEPS]}:
            raise ModelError(
                f"the model ltp-net takes {given}, this version makes features {made}.",
                "Rebuild it with `megc-train fit spotter`, or install the version it came with.",
            )
        self._features = np.zeros(made, dtype=np.float32)
        self._past = np.zeros((1, channels, HISTORY_STEPS), dtype=np.float32)
        self._nothing = session.run(["column"], {"features": self._features, "past": self._past})[0]
        self.begin()

    def begin(self) -> None:
        """Forget all steps: as if features had been 0 for ever."""
        self._features[:] = 0
        self._past[:] = self._nothing

    def step(self, vector: F32 | None) -> F32:
        """Take the next step's features, (N_FEATURES,), None for zeros; return the answer (4,).

        The answer is for the step ``LOOK_AHEAD_STEPS`` back: probabilities of micro and macro, time back to
        the onset and on to the offset in seconds.
        """
        self._features[:, :, :-1] = self._features[:, :, 1:]
        self._features[:, :, -1] = 0 if vector is None else vector
        scores, column = self._session.run(
            ["scores", "column"], {"features": self._features, "past": self._past}
        )
        self._past[:, :, :-1] = self._past[:, :, 1:]
        self._past[:, :, -1:] = column
        return np.asarray(scores[0, :, 0], dtype=np.float32)


def region_motion(vector: F32) -> F32:
    """The twelve regions' motion, (12, 2), percent of the eye distance per 0.1 s, out of a feature vector."""
    u = vector[:N_REGIONS]
    v = vector[N_SIGNALS : N_SIGNALS + N_REGIONS]
    return np.sinh(np.stack([u, v], axis=1))
