"""A folder whose export can go on: which of its pieces are finished, and of what it is.

It stands beside the target as ``.NAME.unfinished``. Its ``made-of.json`` holds the key of what is
written; another key begins anew. ``finished.csv`` lists the pieces that are on the disk, each with
what is known of it; pieces are pure functions of what the key describes.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from napari_zstack_align.atomic import check_target, flush_file, hidden_stem
from napari_zstack_align.errors import InputError
from napari_zstack_align.saved import lock_beside, locked_by, sentences_for
from napari_zstack_align.write.replacing import clean_up, remove_if_possible, take_place

MADE_OF = "made-of.json"
FINISHED = "finished.csv"
SECONDS = 1.0
"""Work that a power cut may cost; what a killed process costs is the piece in hand."""


class Finished:
    """The pieces that are on the disk, with two numbers each.

    Parameters
    ----------
    path : pathlib.Path
        The list; it is lengthened.
    """

    def __init__(self, path: Path) -> None:
        self.known = dict(_lines(path))
        self._file = path.open("w", encoding="utf-8", newline="")
        self._file.writelines(map(_line, self.known.items()))
        self._waiting: list[tuple[str, Path]] = []
        self._flushed = time.monotonic()

    def add(self, number: int, values: tuple[float, float], path: Path) -> None:
        """Note a piece that was written to a file."""
        self._waiting.append((_line((number, values)), path))
        if time.monotonic() - self._flushed > SECONDS:
            self.flush()

    def flush(self) -> None:
        """Put the pieces on the disk, and then their lines."""
        for _, path in self._waiting:
            if path.exists():  # pieces of nothing but the fill value aren't written
                flush_file(path)
        self._file.writelines(line for line, _ in self._waiting)
        self._waiting.clear()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._flushed = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._file:
            if not isinstance(error, OSError):
                self.flush()


def _line(piece: tuple[int, tuple[float, float]]) -> str:
    number, (low, high) = piece
    return f"{number},{low!r},{high!r}\n"


def _lines(path: Path) -> Iterator[tuple[int, tuple[float, float]]]:
    """Lines that are whole: the last one may not be."""
    text = path.read_text("utf-8", "replace") if path.exists() else ""
    for line in text[: text.rfind("\n") + 1].splitlines():
        try:
            number, low, high = line.split(",")
            yield int(number), (float(low), float(high))
        except ValueError:  # not ours: what follows is made again
            return


@contextmanager
def going_on(path: Path, overwrite: bool, key: str) -> Iterator[tuple[Path, Finished]]:
    """Give the unfinished folder of a target, which takes its place at the end.

    Whatever stops the block, what is finished stays for the next time.

    Raises
    ------
    InputError
        Where the file system refuses, or another program is writing this export.
    """
    check_target(path, overwrite)
    with sentences_for(path), locked_by(lock_beside(path), wait=False) as held:
        if not held:
            raise InputError(
                f"{path} can't be written: another program is writing it. Wait until that is done, "
                f"or choose another name."
            )
        clean_up(path)
        check_target(path, overwrite)
        unfinished = unfinished_of(path)
        _begin(unfinished, key)
        with Finished(unfinished / FINISHED) as finished:
            yield unfinished / "made", finished
        take_place(unfinished / "made", path)
        remove_if_possible(unfinished)


def unfinished_of(path: Path) -> Path:
    """Return the folder of what is finished of an export to ``path``."""
    return path.with_name(f".{hidden_stem(path)}.unfinished")


def _begin(folder: Path, key: str) -> None:
    """Make the folder; one of something else is emptied first."""
    note = folder / MADE_OF
    text = json.dumps({"key": key})
    try:
        if note.read_text("utf-8") == text:
            return
    except (FileNotFoundError, UnicodeDecodeError):
        pass
    remove_if_possible(folder)
    folder.mkdir()
    note.write_text(text, "utf-8")
