"""A folder whose export can go on: which of its pieces are finished, and of what it is.

It stands beside the target as ``.NAME.unfinished``. Its ``made-of.json`` holds the key of what is
written; another key begins anew. ``finished.csv`` lists the pieces that are on the disk, each with
what is known of it and with the size and CRC-32C of its file: one that isn't as it was is made
again. Pieces are pure functions of what the key describes.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from napari_zstack_align.atomic import check_target, flush_file, hidden_stem
from napari_zstack_align.errors import InputError, RunStopped
from napari_zstack_align.saved import lock_beside, locked_by, sentences_for
from napari_zstack_align.saved.checksum import crc32c
from napari_zstack_align.saved.disk import replace_in_one_step
from napari_zstack_align.write.replacing import clean_up, remove_if_possible, take_place

MADE_OF = "made-of.json"
FINISHED = "finished.csv"
MADE = "made"
SECONDS = 1.0
"""Work that a power cut may cost, or a process that is killed."""
FLUSH_PART = 0.1
"""Flushing takes at most this part of the time, be the files to be checked ever so many."""
NO_FILE = (0, 0)
"""Size and CRC of a piece of nothing but the fill value, which isn't written."""


def _nothing() -> None:
    """Check nothing."""


@dataclass(frozen=True)
class Pieces:
    """What an export consists of.

    Attributes
    ----------
    count : int
        How many pieces there are.
    file_of : callable
        Returns the file of a piece, counted from 0, below the folder that is made.
    check : callable
        Raises RunStopped where what was made of late can't be trusted.
    """

    count: int
    file_of: Callable[[int], Path]
    check: Callable[[], None] = _nothing


@dataclass(frozen=True)
class _Line:
    """What is listed of a piece: two numbers, and size and CRC of its file."""

    number: int
    values: tuple[float, float]
    state: tuple[int, int]

    def __str__(self) -> str:
        low, high = self.values
        return f"{self.number},{low!r},{high!r},{self.state[0]},{self.state[1]}\n"


class Finished:
    """The pieces that are on the disk, with two numbers each.

    Parameters
    ----------
    folder : pathlib.Path
        Where the list is, which is lengthened, and the folder that is made.
    pieces : Pieces
    """

    def __init__(self, folder: Path, pieces: Pieces) -> None:
        self._made, self._pieces = folder / MADE, pieces
        self._clear_places()
        path = folder / FINISHED
        lines = {line.number: line for line in _lines(path) if self._is_there(line)}
        self.known = {line.number: line.values for line in lines.values()}
        if path.is_dir():
            remove_if_possible(path)
        replace_in_one_step(path, "".join(map(str, lines.values())).encode())
        self._file = path.open("a", encoding="utf-8", newline="")
        self._waiting: list[tuple[int, tuple[float, float]]] = []
        self._next_flush = time.monotonic() + SECONDS

    def add(self, number: int, values: tuple[float, float]) -> None:
        """Note a piece that was written to its file."""
        self._waiting.append((number, values))
        if time.monotonic() > self._next_flush:
            self.flush()

    def flush(self) -> None:
        """Put the pieces on the disk, and then their lines."""
        start = time.monotonic()
        self._pieces.check()
        lines = [_Line(*piece, self._flushed_state(piece[0])) for piece in self._waiting]
        self._file.writelines(map(str, lines))
        self._waiting.clear()
        self._file.flush()
        os.fsync(self._file.fileno())
        end = time.monotonic()
        self._next_flush = end + max(SECONDS, (end - start) / FLUSH_PART)

    def _clear_places(self) -> None:
        """Remove what stands in the place of a piece and is no file, or above it and no folder."""
        above: set[Path] = set()
        for number in range(self._pieces.count):
            place = self._made / self._pieces.file_of(number)
            if place.parent not in above:
                above.add(place.parent)
                _clear_folders(place.parent, self._made)
            if _is_odd(place, stat.S_ISREG):
                remove_if_possible(place)

    def _is_there(self, line: _Line) -> bool:
        within = 0 <= line.number < self._pieces.count
        return within and _state(self._made / self._pieces.file_of(line.number)) == line.state

    def _flushed_state(self, number: int) -> tuple[int, int]:
        path = self._made / self._pieces.file_of(number)
        if path.exists():
            flush_file(path)
        return _state(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._file:
            if error is None:
                self.flush()
            elif not isinstance(error, (OSError, RunStopped)):
                with suppress(RunStopped):  # what stopped the block is what is told
                    self.flush()


def _clear_folders(folder: Path, top: Path) -> None:
    """Remove what stands in the way of a folder below another one."""
    below = [each for each in (folder, *folder.parents) if top in each.parents]
    for each in reversed(below):
        if _is_odd(each, stat.S_ISDIR):
            remove_if_possible(each)


def _is_odd(path: Path, is_right: Callable[[int], bool]) -> bool:
    """Whether something is there, or a link to it, that isn't of the right kind."""
    try:
        return not is_right(os.lstat(path).st_mode)
    except OSError:
        return False


def _state(path: Path) -> tuple[int, int]:
    """Size and CRC-32C of the file of a piece."""
    if not path.is_file():
        return NO_FILE
    content = path.read_bytes()
    return len(content), crc32c(content)


def _lines(path: Path) -> Iterator[_Line]:
    """Lines that are whole: the last one may not be."""
    text = path.read_text("utf-8", "replace") if path.is_file() else ""
    for line in text[: text.rfind("\n") + 1].splitlines():
        try:
            number, low, high, size, crc = line.split(",")
            yield _Line(int(number), (float(low), float(high)), (int(size), int(crc)))
        except ValueError:  # not ours: what follows is made again
            return


@contextmanager
def going_on(
    path: Path, overwrite: bool, key: str, pieces: Pieces
) -> Iterator[tuple[Path, Finished]]:
    """Give the unfinished folder of a target, which takes its place at the end.

    Whatever stops the block, what is finished stays for the next time.

    Raises
    ------
    InputError
        Where the file system refuses, or another program is writing this export.
    """
    check_target(path, overwrite, is_folder=True)
    with sentences_for(path), locked_by(lock_beside(path), wait=False) as held:
        if not held:
            raise InputError(
                f"{path} can't be written: another program is writing it. Wait until that is done, "
                f"or choose another name."
            )
        clean_up(path)
        check_target(path, overwrite, is_folder=True)
        unfinished = unfinished_of(path)
        _begin(unfinished, key)
        with Finished(unfinished, pieces) as finished:
            yield unfinished / MADE, finished
        take_place(unfinished / MADE, path)
        remove_if_possible(unfinished)


def unfinished_of(path: Path) -> Path:
    """Return the folder of what is finished of an export to ``path``."""
    return path.with_name(f".{hidden_stem(path)}.unfinished")


def _begin(folder: Path, key: str) -> None:
    """Make the folder; one of something else is emptied first."""
    note = folder / MADE_OF
    text = json.dumps({"key": key})
    if note.is_file() and note.read_text("utf-8", "replace") == text:
        return
    remove_if_possible(folder)
    folder.mkdir()
    note.write_text(text, "utf-8")
    flush_file(note)
