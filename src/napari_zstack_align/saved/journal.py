"""The journal of a run: its finished units, kept in a folder until the result is saved.

A run is a plan of units (a slice, a chunk, a window of frames), each a pure function of what it
reads. A finished one is written to a file of its own in ``NAME.zalign.unfinished/``, beside the
result: whatever stops the program, the same call finds there what was finished, and goes on. Each
file takes its name in one step and holds a checksum; one that was torn or damaged counts as none.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError, RunStopped
from napari_zstack_align.params import Params
from napari_zstack_align.plain_files import check_is_file
from napari_zstack_align.saved.copies import are_of_copies
from napari_zstack_align.saved.disk import remove_if_possible, sentences_for
from napari_zstack_align.saved.keys import identity_of, key_of
from napari_zstack_align.saved.kinds import Kind
from napari_zstack_align.saved.lock import A_LOOK_S, locked_alone
from napari_zstack_align.saved.names import LOCK, UNFINISHED, target_of
from napari_zstack_align.saved.origin import share_a_place
from napari_zstack_align.saved.provenance import WRITTEN_BY, json_bytes, now
from napari_zstack_align.saved.unit_file import Unit, is_unit, read_unit, write_unit
from napari_zstack_align.saved.watched import FrameChanged
from napari_zstack_align.stack import Stack

HEAD = "journal.json"
SUFFIX = ".unit"
NOTE = (
    "Finished parts of a run that isn't done. The same command goes on from here; to begin anew, "
    "delete this folder."
)
MAKE_ROOM = "rename or remove it, or choose another name for the result."
_ID = re.compile("[0-9a-f]{16}")
_TEMPORARY = re.compile(r"\..*\.[0-9a-f]{8}\.part")


def journal_folder(target: str | Path) -> Path:
    """Return the folder that keeps what is finished of a result, ``TARGET.unfinished``."""
    target = Path(target)
    return target if target.suffix == UNFINISHED else target.with_name(target.name + UNFINISHED)


@runtime_checkable
class UnitStore(Protocol):
    """Where finished units are kept: a `Journal`, or nowhere."""

    @property
    def id(self) -> str:
        """Id of the run that it is of; '' for none."""

    @property
    def name(self) -> str:
        """Name for people; '' for none."""

    def names(self) -> list[str]:
        """Names of the units that are there, intact or not."""

    def read(self, name: str) -> Unit | None:
        """Return a unit; None where it isn't there, or damaged."""

    def write(self, name: str, unit: Unit) -> None:
        """Keep a unit in the place of an earlier one of this name."""

    def remove(self, name: str) -> None:
        """Remove a unit, if it is there."""


@runtime_checkable
class JournalPlace(Protocol):
    """Finds the place of a journal itself, once a job knows all that it was given."""

    def opened(
        self, about: Mapping[str, Any], stacks: Sequence[Stack]
    ) -> AbstractContextManager[UnitStore]:
        """Open the journal of a run; ``about`` and ``stacks`` as of `Journal`."""


class NoJournal:
    """Keeps nothing: for callers without a journal, so that a run needs only one way."""

    id = name = ""

    def names(self) -> list[str]:
        """Return no names."""
        return []

    def read(self, name: str) -> Unit | None:
        """Return None: there are none."""
        return None

    def write(self, name: str, unit: Unit) -> None:
        """Forget it."""

    def remove(self, name: str) -> None:
        """Do nothing: it isn't there."""


class Journal:
    """Folder of finished units. Enter it to lock it; leaving it keeps what is in it.

    Parameters
    ----------
    folder : pathlib.Path
        Of `journal_folder`.
    about : mapping
        What run it is, in words for a person: command, parameters, raw files.
    share : str
        Which share of the plan this process works on, where several do at once: each has a lock
        of its own.
    stacks : sequence of Stack
        Whose frames the run reads: where those that the journal is of have other names, frames
        say whether these are copies of them.

    Raises
    ------
    InputError
        On entering: where another run has it, or the file system refuses.
    RunStopped
        From `write`: where the file system refuses in mid-run (a full disk). Nothing is lost.
    """

    def __init__(
        self,
        folder: Path,
        about: Mapping[str, Any],
        share: str = "",
        stacks: Sequence[Stack] = (),
    ) -> None:
        self.folder, self._about, self._share = folder, about, share
        self._stacks = stacks
        self.id, self.name = "", folder.name
        self._held = ExitStack()
        self._is_over = False

    def __enter__(self) -> Self:
        if not self.folder.parent.is_dir():
            raise InputError(
                f"{self.folder} can't be written: there is no folder {self.folder.parent}."
            )
        try:
            with sentences_for(self.folder):
                self._check_place()
                self._held.enter_context(
                    locked_alone(
                        self._lock,
                        f"{self.folder} is being worked on by another run: wait until that is "
                        f"done, or choose another name.",
                        A_LOOK_S,  # `info` may be looking whether a run is working on it
                    )
                )
                self._remove_temporary()
                self._describe()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            with suppress(OSError):  # permission was lost: what is said of that is the error
                if self._is_over or isinstance(error, FrameChanged) or not self.names():
                    self._empty()
        finally:
            self._leave()

    def _leave(self) -> None:
        self._held.close()
        with suppress(OSError):  # it holds units, or a file of somebody else's
            self.folder.rmdir()

    @property
    def _lock(self) -> Path:
        return self.folder / (f"{LOCK}-{self._share}" if self._share else LOCK)

    def _check_place(self) -> None:
        """Raise InputError where something else is in the place of the journal or its files."""
        if os.path.lexists(self.folder) and not self.folder.is_dir():
            raise InputError(
                f"{self.folder} is no folder, and a run keeps what it has finished in a folder of "
                f"this name: {MAKE_ROOM}"
            )
        for path in (self._lock, self.folder / HEAD, *map(self._path, self.names())):
            if _is_folder(path):
                raise InputError(_folder_in_the_way(path))

    def names(self) -> list[str]:
        """Names of the units that are there, intact or not."""
        return sorted(path.name.removesuffix(SUFFIX) for path in self.folder.glob(f"*{SUFFIX}"))

    def read(self, name: str) -> Unit | None:
        """Return a unit; None where it isn't there, or damaged."""
        return read_unit(self._path(name))

    def write(self, name: str, unit: Unit) -> None:
        """Keep a unit in the place of an earlier one of this name.

        It is not flushed: after a power cut it may be torn, which its checksum tells.
        """
        temporary = self._temporary(name)
        try:
            write_unit(temporary, unit)
            os.replace(temporary, self._path(name))
        except OSError as error:
            remove_if_possible(temporary)
            raise self._refused(self._path(name), error) from error
        except BaseException:
            remove_if_possible(temporary)
            raise

    def remove(self, name: str) -> None:
        """Remove a unit, if it is there."""
        remove_if_possible(self._path(name))

    def _refused(self, path: Path, error: OSError) -> RunStopped:
        try:
            with os.scandir(self.folder) as entries:  # 'glob' would find none without permission
                is_kept = any(each.name.endswith(SUFFIX) and each.is_file() for each in entries)
        except OSError:
            kept, goes_on = "What was finished, if anything, is kept", ""
        else:
            kept = "What was finished is kept" if is_kept else "Nothing was finished yet"
            goes_on = " to go on" if is_kept else ""
        if _is_folder(path):
            return RunStopped(f"{_folder_in_the_way(path)} {kept}.")
        if isinstance(error, FileNotFoundError):
            return RunStopped(
                f"{self.folder} is gone, and what was finished with it: leave that folder alone "
                f"while a run goes on, and start again."
            )
        return RunStopped(
            f"{self.folder} can't be written any more: {error.strerror or error}. {kept}: mend "
            f"that, and start again{goes_on}."
        )

    def discard(self) -> None:
        """Remove all units when the journal is left: the result is saved."""
        self._is_over = True

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}{SUFFIX}"

    def _temporary(self, name: str) -> Path:
        return self.folder / f".{self._share}~{name}.{secrets.token_hex(4)}.part"

    def _remove_temporary(self) -> None:
        """Remove what a killed run of this share was writing."""
        for path in self.folder.glob(f".{self._share}~*.part"):
            if _TEMPORARY.fullmatch(path.name):
                remove_if_possible(path)

    def _empty(self) -> None:
        """Remove all that is ours; the description last, as it says whose the rest is."""
        for path in self.folder.glob(f"*{SUFFIX}"):
            if is_unit(path):
                remove_if_possible(path)
        remove_if_possible(self.folder / HEAD)

    def _describe(self) -> None:
        """Write what run this is; a run that goes on with the same inputs keeps its id."""
        before = description_of(self.folder)
        if not self._is_same_work(before) and (names := self.names()):
            raise InputError(
                f"{self.folder} holds {counted(len(names), 'finished part')} of "
                f"{_work_of(before)}: choose another name, or delete that folder."
            )
        goes_on = self._about.get("inputs") in (None, before.get("inputs"))
        self.id = str((goes_on and before.get("id")) or secrets.token_hex(8))
        described = {
            "id": self.id,
            "note": NOTE,
            "written_by": WRITTEN_BY,
            "started": before.get("started") or now(),
            "went_on": now() if before else None,
            **self._about,
        }
        temporary = self._temporary("journal")
        temporary.write_bytes(json_bytes(described))
        os.replace(temporary, self.folder / HEAD)

    def _is_same_work(self, before: Mapping[str, Any]) -> bool:
        """Whether it is of the same kind of run on the same stacks, or copies of them."""
        there, names = before.get("job"), names_in(before)
        if not there or not self._about.get("job") or not names:
            return True  # nothing says so: the units do
        if there != self._about["job"]:
            return False
        # Many recordings bear the same name, in folders of their own.
        files = files_in(before)
        in_common = (
            share_a_place(files, files_in(self._about))
            if files
            else not {*names}.isdisjoint(names_in(self._about))
        )
        return in_common or are_of_copies(self, self._stacks)


def about_run(job: str, params: Params, *stacks: Stack, **others: Any) -> dict[str, Any]:
    """What a journal says of its run: for people, and as a hash of all that it is given.

    Parameters
    ----------
    job : str
        Name of the function.
    params : Params
    *stacks : Stack
    **others
        What else it is given (a mask, a reference), as parts for `keys.key_of`; None counts as
        not given.
    """
    values = params.model_dump(mode="json")
    given = {name: other for name, other in others.items() if other is not None}
    return {
        "job": job,
        "inputs": key_of(job, params=values, stacks=[*map(identity_of, stacks)], **given),
        "params": {"model": type(params).__name__, "values": values},
        "stacks": [
            {
                "name": stack.name,
                "shape": stack.shape,
                "frames_per_slice": stack.frames_per_slice,
                "inputs": [*map(os.path.abspath, stack.paths)],
            }
            for stack in stacks
        ],
    }


@contextmanager
def opened_journal(
    given: UnitStore | JournalPlace | str | Path | None,
    kind: Kind,
    about: Mapping[str, Any],
    stacks: Sequence[Stack] = (),
) -> Iterator[UnitStore]:
    """Open the journal that a job was given.

    Parameters
    ----------
    given : Journal, NoJournal, JournalPlace, str, pathlib.Path or None
        A journal that is open already and stays so; a place that opens one; the name that the
        result will be saved under; or None, which keeps nothing.
    kind : Kind
        Of the result.
    about, stacks
        As of `Journal`.
    """
    if given is None:
        yield NoJournal()
    elif isinstance(given, str | Path):
        path = Path(given)
        target = path if path.suffix == UNFINISHED else target_of(path, kind)
        with Journal(journal_folder(target), about, stacks=stacks) as journal:
            yield journal
    elif isinstance(given, UnitStore):
        yield given
    elif isinstance(given, JournalPlace):
        with given.opened(about, stacks) as store:
            yield store
    else:
        raise InputError(
            f"journal must be the name that the result will be saved under, not {given!r}."
        )


def remove_leftover(target: Path) -> None:
    """Remove the folder of a journal that was removed but for it, by a program killed just then."""
    folder = journal_folder(target)
    if folder.is_dir() and not any(each.name != LOCK for each in folder.iterdir()):
        with suppress(InputError), Journal(folder, {}):
            pass


def discard_journal(target: Path, run_id: str) -> None:
    """Remove the journal beside a result that was saved, if it is of the same run.

    Whoever holds its lock removes it.
    """
    folder = journal_folder(target)
    if run_id and description_of(folder).get("id") == run_id:
        with suppress(InputError), Journal(folder, {}) as journal:
            journal.discard()


def _is_folder(path: Path) -> bool:
    """Whether no file can take a name; a link, wherever it leads, makes room.

    False where permission was lost to see what is there, of which a path itself raises an error.
    """
    return os.path.isdir(path) and not os.path.islink(path)


def _folder_in_the_way(path: Path) -> str:
    return f"{path} is a folder, and a run keeps a file under this name: {MAKE_ROOM}"


def _work_of(described: Mapping[str, Any]) -> str:
    """'/data/larva.tif (align_adaptive)'."""
    return f"{', '.join(files_in(described) or names_in(described))} ({described['job']})"


def names_in(described: Mapping[str, Any]) -> list[str]:
    """Names of the stacks that a description is of."""
    names = [each.get("name") for each in _stacks_in(described)]
    return [name for name in names if isinstance(name, str)]


def files_in(described: Mapping[str, Any]) -> list[str]:
    """The raw files that a description is of."""
    inputs = [each.get("inputs") for each in _stacks_in(described)]
    files = [file for each in inputs if isinstance(each, list) for file in each]
    return [file for file in files if isinstance(file, str)]


def _stacks_in(described: Mapping[str, Any]) -> list[dict[str, Any]]:
    stacks = described.get("stacks")
    return [each for each in stacks if isinstance(each, dict)] if isinstance(stacks, list) else []


def description_of(folder: Path) -> Mapping[str, Any]:
    """What ``journal.json`` of a journal says; empty where there is none, or it is damaged.

    What isn't as a run writes it is left out, as if it weren't there.
    """
    path = folder / HEAD
    try:
        check_is_file(path)
        described = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(described, dict):
        return {}
    return {name: value for name, value in described.items() if _is_right(name, value)}


def started_at(folder: Path) -> float | None:
    """When the run of a journal was begun, in s since 1970; None where that isn't known."""
    started = description_of(folder).get("started")
    return None if started is None else datetime.fromisoformat(started).timestamp()


def _is_right(name: str, value: Any) -> bool:
    """Whether a field of a description, where others rely on it, is of its kind."""
    if name == "started":
        return isinstance(value, str) and _is_time(value)
    if name == "id":
        return isinstance(value, str) and _ID.fullmatch(value) is not None
    return name not in ("job", "inputs") or isinstance(value, str)


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).timestamp() > 0
    except (ValueError, OverflowError, OSError):
        return False
