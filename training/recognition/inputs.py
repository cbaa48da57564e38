"""What an evaluation works on: flow images from their file, or clips and flow images from a corpus."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from megc_live.errors import DatasetError, SettingsError
from training.datasets.base import Finding, is_synthetic
from training.datasets.flow_file import CLASS_COUNTS, FlowData, load_flow_file
from training.recognition.base import Data, input_of
from training.recognition.clip_data import ClipData, Progress, load_clips
from training.recognition.clip_features import flow_from_clips, flow_settings

FLOW_FILE = "megc2019-flow"
CORPORA = ("smic", "casme2", "samm", "composite")


@dataclass(frozen=True)
class Place:
    """Where samples come from.

    Attributes
    ----------
    dataset : str
        ``megc2019-flow`` or one of :data:`CORPORA`.
    data : Path or None
        Its npz file; of ``megc2019-flow`` alone.
    root : Path or None
        Folder of the release; of all others.
    cache : Path or None
        Folder for aligned crops and what is computed of them; None: the default.
    apex_rule : str or None
        For clips without an annotated apex; None: the default.
    """

    dataset: str
    data: Path | None
    root: Path | None
    cache: Path | None
    apex_rule: str | None = None

    def check(self, methods: Collection[str]) -> None:
        """Raise SettingsError for a combination that cannot be, before anything is read."""
        if self.dataset == FLOW_FILE:
            if any(given is not None for given in (self.root, self.cache, self.apex_rule)):
                raise SettingsError(f"{FLOW_FILE} is one file of flow images.", "Give --data FILE alone.")
            if self.data is None:
                raise SettingsError(f"{FLOW_FILE} needs its npz file.", "Give --data FILE.")
            clips = [name for name in methods if input_of(name) == "clips"]
            if clips:
                raise SettingsError(
                    f"{clips[0]} needs frames, {FLOW_FILE} holds flow images.",
                    f"Give --root PATH with --dataset {', '.join(CORPORA[:-1])} or {CORPORA[-1]}.",
                )
            return
        if self.dataset not in CORPORA:
            raise SettingsError(
                f"there is no data set named {self.dataset!r} to evaluate recognition on.",
                f"Choose one of: {FLOW_FILE}, {', '.join(CORPORA)}.",
            )
        if self.data is not None:
            raise SettingsError(
                f"--data is for {FLOW_FILE} alone.", f"Give the folder of {self.dataset} with --root."
            )
        if self.root is None:
            raise SettingsError(f"{self.dataset} needs the folder of its release.", "Give --root PATH.")


@dataclass(frozen=True)
class Inputs:
    """What was read: samples of one order in both forms.

    Attributes
    ----------
    flow : FlowData or None
        None where no method takes it.
    clips : ClipData or None
        None for a file of flow images.
    sha256 : str
        Hash of the file, or of the clips' names, labels, pictures and apexes.
    synthetic : bool
        Written by ``megc-train synth``.
    """

    flow: FlowData | None
    clips: ClipData | None
    sha256: str
    synthetic: bool = False

    def of(self, method: str) -> Data:
        """Return what a method is fitted on."""
        data = self.clips if input_of(method) == "clips" else self.flow
        assert data is not None
        return data

    @property
    def any(self) -> Data:
        """The samples in either form."""
        data = self.flow if self.flow is not None else self.clips
        assert data is not None
        return data

    def settings_of(self, method: str) -> dict[str, Any]:
        """Return how the method's samples were made, for the report."""
        if self.clips is None:
            return {}
        made = {"apex": f"annotated, else {self.clips.apex_rule}"}
        return made if input_of(method) == "clips" else {**made, **flow_settings()}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the readers noticed, and what was left out."""
        return self.clips.findings if self.clips is not None else ()


def read_inputs(
    place: Place,
    methods: Collection[str],
    *,
    published_counts: bool = True,
    jobs: int = 1,
    progress: Progress = lambda done, total, name: None,
    log: Callable[[str], None] = lambda line: None,
) -> Inputs:
    """Read the samples that some methods need.

    Parameters
    ----------
    place : Place
        Checked (:meth:`Place.check`), with a folder for crops where it has a root.
    methods : collection of str
    published_counts : bool
        Insist on the challenge's counts in a file of flow images.
    jobs : int
        Processes.
    progress, log : callable
        Told the clips done, and each finding, a line each.

    Raises
    ------
    DatasetError
        The data cannot be read, or are of one subject only.
    """
    if place.dataset == FLOW_FILE:
        assert place.data is not None
        flow = load_flow_file(place.data, published_counts=published_counts)
        found = Inputs(flow, None, hashlib.sha256(place.data.read_bytes()).hexdigest())
    else:
        assert place.root is not None and place.cache is not None
        rule = {} if place.apex_rule is None else {"apex_rule": place.apex_rule}
        clips = load_clips(place.dataset, place.root, place.cache, jobs, progress, **rule)
        synthetic = is_synthetic(place.root)
        if place.dataset == "composite" and not synthetic:
            clips = replace(clips, findings=(*clips.findings, *unlike_the_challenge(clips)))
        for finding in clips.findings:
            log(str(finding))
        takes_flow = any(input_of(name) == "flow" for name in methods)
        flow = flow_from_clips(clips, jobs, progress) if takes_flow else None
        found = Inputs(flow, clips, clips.digest(), synthetic)
    if len(np.unique(found.any.group)) < 2:
        raise DatasetError("leaving one subject out needs two, got 1.")
    return found


def unlike_the_challenge(data: Data) -> tuple[Finding, ...]:
    """Return a finding for each data set whose classes are not those of MEGC 2019, Table III."""
    out = []
    for name, published in CLASS_COUNTS.items():
        found = tuple(int(((data.dataset == name) & (data.label == c)).sum()) for c in range(len(published)))
        if found != published:
            read = f"{found} clips of {name} (negative, positive, surprise), the challenge has {published}"
            done = "judged; the scores are not those of the challenge's clips"
            out.append(Finding("composite", None, "clips", read, done))
    return tuple(out)
