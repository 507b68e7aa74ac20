"""`Project`: stacks, masks, runs, ROIs, traces, z-shifts and parameters that belong together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.raw_frames import MissingSource
from napari_zstack_align.cells import Rois
from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import Params
from napari_zstack_align.project.home import Home, Unread
from napari_zstack_align.read import describe
from napari_zstack_align.remark import (
    Remark,
    as_remarks,
    as_warnings,
    short_repr,
    with_remarks,
)
from napari_zstack_align.saved import RECORDING, Z_STACK, now
from napari_zstack_align.sources import as_array
from napari_zstack_align.stack import Stack
from napari_zstack_align.zshift import ZShift

MASK_TYPES = "biuf"


@dataclass(frozen=True, eq=False)
class NamedMask:
    """A mask with its name, and what it belongs to.

    Attributes
    ----------
    name : str
    labels : numpy.ndarray
        (Y, X) or (Z, Y, X) labels, weights or true/false, in reference coordinates. A copy, so
        that a layer can be painted on.
    belongs_to : str
        Name of the stack or recording that it was painted for; '' for the session.
    made_on : str, optional
        Mark of the reference that it was painted on, as of ``Rois.made_on``.

    Raises
    ------
    InputError
        Where the labels are no image of numbers.
    """

    name: str
    labels: npt.NDArray[Any] = field(repr=False)
    belongs_to: str = ""
    made_on: str | None = None

    def __post_init__(self) -> None:
        labels = np.array(as_array(self.labels, "A mask"))
        if labels.dtype.kind not in MASK_TYPES or labels.ndim not in (2, 3) or not labels.size:
            raise InputError(
                f"The mask '{self.name}' must be an image (Y, X) or (Z, Y, X) of numbers, not "
                f"{labels.dtype} of shape {labels.shape}."
            )
        labels.flags.writeable = False
        object.__setattr__(self, "labels", labels)


@dataclass(frozen=True, eq=False)
class NamedRun:
    """A run that is kept beside others: its name, when it ended, and its results.

    Attributes
    ----------
    name : str
    results : tuple of Alignment
        One for a z-stack; one for each recording of a session, in order. A single Alignment
        becomes a tuple.
    when : str
        Time of its end, in UTC, as ISO 8601; by default now.

    Raises
    ------
    InputError
        Where there is no result.
    """

    name: str
    results: tuple[Alignment, ...] = field(repr=False)
    when: str = field(default_factory=now)

    def __post_init__(self) -> None:
        object.__setattr__(self, "results", _as_tuple(self.results, Alignment))
        if not self.results:
            raise InputError(f"The run '{self.name}' has no result: leave it out.")

    @property
    def what(self) -> str:
        """'z-stack', or 'recording' for those of a session."""
        return RECORDING if self.results[0].stack.frames_per_slice is None else Z_STACK

    @property
    def params(self) -> Params:
        """The parameters it was made with."""
        return self.results[0].params

    @property
    def complete(self) -> bool:
        """Whether every frame of every result was run."""
        return all(result.complete for result in self.results)


@dataclass(frozen=True, eq=False, repr=False)
class Project:
    """All that is open and was made of it: saved as one folder, and reopened whole.

    Results are kept as they are: a changed one is a new object. Every change of a project returns
    a new one (:meth:`replace`).

    Attributes
    ----------
    stacks : tuple of Stack
        Z-stacks and single recordings that are open. Where their raw files are is kept, and how
        they were described, but no frame.
    recordings : tuple of Stack
        Those of the session, in order.
    masks : tuple of NamedMask
    runs : tuple of NamedRun
        Of z-stacks and of the session.
    in_view : tuple of str
        Names of the runs that are shown: one of the z-stack and one of the session, for example.
    rois : mapping of str to Rois
    traces : mapping of str to tuple of Traces
        One for each recording; a single one becomes a tuple.
    zshifts : mapping of str to ZShift
    params : mapping of str to Params
        Parameters of each form that was opened, by the name of its tab.
    view : mapping
        What else is to be shown again (tab, frame); small, for JSON.
    remarks : tuple of Remark
        What was noticed when it was opened or saved.
    home : Home
        What is known of the folder that it is kept in: for the next save.

    Raises
    ------
    InputError
        Where two masks or two runs have one name, or ``view`` is nothing for JSON.
    """

    stacks: tuple[Stack, ...] = ()
    recordings: tuple[Stack, ...] = ()
    masks: tuple[NamedMask, ...] = ()
    runs: tuple[NamedRun, ...] = ()
    in_view: tuple[str, ...] = ()
    rois: Mapping[str, Rois] = field(default_factory=dict)
    traces: Mapping[str, tuple[Traces, ...]] = field(default_factory=dict)
    zshifts: Mapping[str, ZShift] = field(default_factory=dict)
    params: Mapping[str, Params] = field(default_factory=dict)
    view: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()
    home: Home = field(default_factory=Home)

    def __post_init__(self) -> None:
        for name in ("stacks", "recordings", "masks", "runs", "in_view"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        traces = {name: _as_tuple(each, Traces) for name, each in self.traces.items()}
        object.__setattr__(self, "traces", traces)
        object.__setattr__(self, "remarks", as_remarks(self.remarks))
        _check_names("masks", [mask.name for mask in self.masks])
        _check_names("runs", [run.name for run in self.runs])
        try:
            json.dumps(self.view)
        except (TypeError, ValueError) as error:
            raise InputError(f"The view of a project must be plain values ({error}).") from None

    @property
    def folder(self) -> Path | None:
        """The folder that it is kept in; None: it has not been saved yet."""
        return self.home.folder

    @property
    def unread(self) -> tuple[Unread, ...]:
        """What of the saved project couldn't be read, and is kept by the next save."""
        return self.home.unread

    @property
    def shown_runs(self) -> tuple[NamedRun, ...]:
        """The runs whose names are ``in_view``."""
        return tuple(run for run in self.runs if run.name in self.in_view)

    def replace(self, **changes: Any) -> Project:
        """Return a copy with some attributes changed; it is kept in the same folder."""
        return replace(self, **changes)

    def save(self, path: str | Path, overwrite: bool = True) -> Path:
        """Save the project; what has not changed since the last save is not written again.

        Whatever stops the program, the folder holds the project that was there before, or all of
        this. Parts of the project that couldn't be read are kept.

        Parameters
        ----------
        path : str or pathlib.Path
            The folder; ``.zproject`` is added where it lacks.
        overwrite : bool
            Whether another project there is replaced.

        Returns
        -------
        pathlib.Path
            The folder.

        Raises
        ------
        InputError
            Where something else has the name, another program has the project open or has saved
            it since it was opened here, or the file system refuses.
        """
        from napari_zstack_align.progress import collected
        from napari_zstack_align.project.folder import ProjectFolder

        with ProjectFolder(path, overwrite=overwrite) as folder:
            collected(folder.save(self))
            return folder.path

    def summary(self) -> str:
        """Describe the project: what is open, what was made of it, and remarks, a line each."""
        lines = [f"Project: {', '.join(self._counts())}"]
        lines += [f"  {stack.name}: {describe(stack)}" for stack in self.stacks]
        lines += [f"  Recording {stack.name}: {describe(stack)}" for stack in self.recordings]
        lines += [f"  Run {self._of_run(run)}" for run in self.runs]
        lines += [f"  {name}: {counted(len(rois), 'ROI')}" for name, rois in self.rois.items()]
        for name, traces in self.traces.items():
            lines.append(f"  {name}: traces of {counted(len(traces), 'recording')}")
        lines += [f"  {name}: z-shift of {each.stack.name}" for name, each in self.zshifts.items()]
        return with_remarks("\n".join(lines), self.remarks)

    def __repr__(self) -> str:
        return short_repr("Project", self._counts(), self.remarks)

    def _counts(self) -> list[str]:
        counts = [
            (len(self.stacks), "stack"),
            (len(self.recordings), "recording"),
            (len(self.masks), "mask"),
            (len(self.runs), "run"),
            (len(self.rois), "set of ROIs"),
            (len(self.traces), "set of traces"),
            (len(self.zshifts), "z-shift"),
        ]
        words = [_counted(number, noun) for number, noun in counts if number]
        return words or ["nothing yet"]

    def _of_run(self, run: NamedRun) -> str:
        frames = sum(result.stack.n_frames for result in run.results)
        recordings = counted(len(run.results), "recording")
        of = run.results[0].stack.name if run.what == Z_STACK else recordings
        state = "" if run.complete else ", unfinished"
        shown = ", in view" if run.name in self.in_view else ""
        return f"{run.name} ({run.when}): {of}, {counted(frames, 'frame')}{state}{shown}"


def in_memory(stacks: Iterable[Stack]) -> tuple[Remark, ...]:
    """Warn of stacks that no project can open again."""
    sentences = (
        f"{stack.name} is in memory only: the project keeps what was made of it, but can't open "
        f"it again. Save it as a file (TIFF or Zarr), and open that."
        for stack in stacks
        if not stack.paths and not isinstance(stack.source, MissingSource)
    )
    return as_warnings(*dict.fromkeys(sentences))


def _as_tuple(given: Any, kind: type) -> tuple[Any, ...]:
    return (given,) if isinstance(given, kind) else tuple(given)


def _check_names(what: str, names: list[str]) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"A project can't have two {what} named {', '.join(twice)}: rename one.")


def _counted(number: int, noun: str) -> str:
    """'2 sets of ROIs'."""
    first, of, rest = noun.partition(" of ")
    return f"{counted(number, first)}{of}{rest}"
