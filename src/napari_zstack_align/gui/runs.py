"""The runs of a dataset: each result is kept beside the others, and one of them is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, cached_property
from typing import Any

import numpy as np

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.summary import median_correlations
from napari_zstack_align.counting import decimal
from napari_zstack_align.fields import ParamField, fields_of
from napari_zstack_align.gui.copies import Copy
from napari_zstack_align.params import Params
from napari_zstack_align.stack import Stack

DIGITS = 3
"""Of correlations: those of two runs often differ by less than 0.01."""

Results = Mapping[Any, Alignment]
"""Alignments by what they are of: the layers of a z-stack, or each recording of a session."""


@dataclass(frozen=True, eq=False)
class Run:
    """A run and its results; another result of the same run is another `Run` with its number.

    Attributes
    ----------
    number : int
        By which it is known, whatever its name; never given to another one.
    name : str
        What the list calls it.
    started : datetime
        When it was started, in local time.
    results : mapping
        Alignment of each recording, or the one of a z-stack; perhaps partial.
    running : bool
        Whether more of it is still to come.
    saved : bool
        Whether these results are in a file.
    note : str
        How it came about, where not by Run.
    copies : tuple of Copy
        Where they are saved, as far as that is known.
    """

    number: int
    name: str
    started: datetime
    results: Results = field(repr=False)
    running: bool = False
    saved: bool = False
    note: str = ""
    copies: tuple[Copy, ...] = ()

    @property
    def params(self) -> Params:
        """The parameters it was made with; in a session those of its newest part."""
        return list(self.results.values())[-1].params

    @property
    def complete(self) -> bool:
        """Whether every frame of each result was run."""
        return all(alignment.complete for alignment in self.results.values())

    @cached_property
    def correlations(self) -> tuple[float, float] | None:
        """Median held-out correlation of the frames used, before and after; None: not judged."""
        return median_correlations(np.concatenate([a.quality for a in self.results.values()]))

    @cached_property
    def part_run(self) -> float:
        """Part of the frames that were run, 0 to 1."""
        return float(np.mean(np.concatenate([a.placed for a in self.results.values()])))

    @property
    def state(self) -> str:
        """'running: 40 % of the frames', 'partial: 40 % of the frames'; '' for a complete run."""
        if self.complete and not self.running:
            return ""
        what = "running" if self.running else "partial"
        return f"{what}: {100 * self.part_run:.0f} % of the frames"

    @property
    def correlation_words(self) -> str:
        """'0.912', or '–' where nothing was judged."""
        return "–" if self.correlations is None else decimal(self.correlations[1], DIGITS)

    @property
    def settings(self) -> str:
        """What isn't a default: parameters and the mask, as 'Alpha (×): 2, mask: 48 %'."""
        changed = self.params.changed()
        return ", ".join([*(_set(self.params, name) for name in changed), *self._mask_words()])

    @property
    def words(self) -> str:
        """State, note and settings; 'defaults' where these are all there is to say."""
        return ", ".join(filter(None, (self.state, self.note, self.settings))) or "defaults"

    def details(self, today: datetime) -> list[str]:
        """All that there is to know of it, a line each."""
        found = self.correlations
        return [
            f"{self.name}, started {when_words(self.started, today)}",
            *filter(None, [self.state, self.note]),
            "not judged: no held-out correlation"
            if found is None
            else f"median held-out correlation {decimal(found[1], DIGITS)} "
            f"({decimal(found[0], DIGITS)} before alignment)",
            "saved" if self.saved else "not saved",
            *self._mask_words(),
            *(_set(self.params, name) for name in type(self.params).model_fields),
        ]

    def _mask_words(self) -> list[str]:
        mask = list(self.results.values())[-1].mask
        return [] if mask is None else [f"mask: {100 * np.mean(mask > 0):.0f} %"]


class Runs:
    """The runs of a dataset in the order in which they came; main thread only."""

    def __init__(self) -> None:
        self._runs: dict[int, Run] = {}
        self._last = 0
        self._shown: int | None = None

    def __len__(self) -> int:
        return len(self._runs)

    @property
    def listed(self) -> tuple[Run, ...]:
        """All of them, the oldest first."""
        return tuple(self._runs.values())

    @property
    def shown(self) -> Run | None:
        """The one whose results are shown; None while there is none."""
        return None if self._shown is None else self._runs[self._shown]

    def get(self, number: int) -> Run | None:
        """The run with a number; None where it was removed."""
        return self._runs.get(number)

    def add(
        self,
        results: Results,
        *,
        started: datetime | None = None,
        name: str = "",
        running: bool = False,
        saved: bool = False,
        note: str = "",
        copy: Copy | None = None,
    ) -> Run:
        """List a run, and show it; without a name it is 'run 1' and so on."""
        self._last += 1
        run = Run(
            number=self._last,
            name=self._free(name or f"run {self._last}"),
            started=started or datetime.now().astimezone(),
            results=dict(results),
            running=running,
            saved=saved,
            note=note,
            copies=(copy,) if copy else (),
        )
        self._runs[run.number] = run
        self._shown = run.number
        return run

    def update(self, number: int, results: Results, *, running: bool = False) -> Run | None:
        """Give a run newer results, which are in no file; None where it was removed."""
        changes = {"results": dict(results), "running": running, "saved": False, "copies": ()}
        return self._change(number, **changes)

    def stop(self, number: int) -> None:
        """Nothing more comes of a run."""
        self._change(number, running=False)

    def show(self, number: int) -> Run:
        """Show another run."""
        run = self._runs[number]
        self._shown = number
        return run

    def rename(self, number: int, name: str) -> None:
        """Give a run another name; an empty one changes nothing, a taken one gets a number."""
        run = self.get(number)
        if run is not None and name.strip() and name.strip() != run.name:
            self._change(number, name=self._free(name.strip()))

    def remove(self, number: int) -> None:
        """Drop a run; where it was shown, the newest of the others is."""
        self._runs.pop(number, None)
        if self._shown == number:
            self._shown = next(reversed(self._runs), None)

    def clear(self) -> None:
        """Drop all of them."""
        self._runs.clear()
        self._shown = None

    def note_saved(
        self, number: int, results: Iterable[Alignment], copy: Copy | None = None
    ) -> None:
        """A run was saved, if it still has these results."""
        run, written = self.get(number), {id(alignment) for alignment in results}
        if run is not None and {id(alignment) for alignment in run.results.values()} == written:
            copies = (*run.copies, copy) if copy else run.copies
            self._change(number, saved=True, copies=copies)

    def drop_copies(self, is_gone: Callable[[Copy], bool]) -> bool:
        """Some copies are gone: a run without any other is not saved. Return whether one was."""
        before = self.listed
        for run in before:
            left = tuple(copy for copy in run.copies if not is_gone(copy))
            if len(left) < len(run.copies):
                self._change(run.number, saved=bool(left), copies=left)
        return self.listed != before

    def keep_of(self, owners: Iterable[Any]) -> None:
        """Drop the results of all others: their recordings are gone."""
        wanted = set(owners)
        for run in self.listed:
            left = {owner: each for owner, each in run.results.items() if owner in wanted}
            if not left:
                self.remove(run.number)
            elif len(left) < len(run.results):
                self._change(run.number, results=left)

    def map_results(self, change: Callable[[Alignment], Alignment], of: Any = None) -> None:
        """Replace each alignment, or those of one owner, by another description of the same."""
        for run in self.listed:
            results = {
                owner: change(alignment) if of in (None, owner) else alignment
                for owner, alignment in run.results.items()
            }
            self._change(run.number, results=results)

    def _change(self, number: int, **changes: Any) -> Run | None:
        run = self.get(number)
        if run is None:
            return None
        self._runs[number] = replace(run, **changes)
        return self._runs[number]

    def _free(self, name: str) -> str:
        taken, free, count = {run.name for run in self.listed}, name, 2
        while free in taken:
            free, count = f"{name} ({count})", count + 1
        return free


def has_result(results: Iterable[Alignment]) -> bool:
    """Whether a run that goes on or was stopped has come to anything: a frame that can be used."""
    return any(bool(np.any(each.placed & each.quality["used"])) for each in results)


def same_frames(first: Stack, second: Stack) -> bool:
    """Whether two stacks are of the same files or array, in the same layout."""
    same_source = first.source is second.source or bool(first.paths and first.paths == second.paths)
    layouts = [(s.shape, s.frames_per_slice, s.order) for s in (first, second)]
    return same_source and layouts[0] == layouts[1]


def names_of(runs: Iterable[Run]) -> str:
    """'run 1', 'run 2' in quotes, for a question."""
    return ", ".join(f"'{run.name}'" for run in runs)


def when_words(moment: datetime, today: datetime) -> str:
    """'14:32' of today, else '26 Nov 14:32', with the year where that is another one."""
    if moment.date() == today.date():
        return f"{moment:%H:%M}"
    if moment.year == today.year:
        return f"{moment.day} {moment:%b %H:%M}"
    return f"{moment.day} {moment:%b %Y}"


def started_of(alignment: Alignment) -> datetime | None:
    """When a loaded alignment was made, in local time; None where that isn't known."""
    try:
        found = datetime.fromisoformat(str(alignment.provenance.get("started")))
    except ValueError:
        return None
    return found.astimezone()


def _set(params: Params, name: str) -> str:
    """'Alpha (×): 2', 'Between slices (×): follow'."""
    value, field = getattr(params, name), _fields(type(params))[name]
    words = "none" if value in (None, (), "") else field.word_for(value)
    return f"{field.title}: {words}"


@cache
def _fields(model: type[Params]) -> dict[str, ParamField]:
    return {each.name: each for each in fields_of(model)}
