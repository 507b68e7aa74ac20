"""Which files belong to a Stack, and reading their first bytes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from napari_zstack_align.counting import counted, were
from napari_zstack_align.errors import InputError
from napari_zstack_align.plain_files import check_is_file, path_of
from napari_zstack_align.read import readers
from napari_zstack_align.read._others import named_like_other, other_of
from napari_zstack_align.read.natural_order import in_natural_order
from napari_zstack_align.read.readers import (
    Reader,
    file_suffixes,
    folder_reader,
    formats_with_endings,
    named_like_image,
)
from napari_zstack_align.remark import Remark, as_notes, as_warnings
from napari_zstack_align.saved import Kind, kind_of, title_of

PROJECTION = re.compile(r"(AVG|MAX|MIN|STD|SUM|MED)_.")
"""Begins the name of a projection along time or depth that Fiji made."""
MOST_NAMED = 3
OF_THEIR_OWN = (Kind.ALIGNMENT, Kind.ZSHIFT, Kind.TRACES)
"""Results with a folder to themselves: images in it are no raw frames."""


def collect(
    path_or_paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
) -> tuple[list[Path], tuple[Remark, ...]]:
    """Files, or folders that are one image, that make up a Stack, in order, with remarks."""
    if isinstance(path_or_paths, (str, os.PathLike)):
        path = path_of(path_or_paths)
        return _of_folder(path) if _is_plain_folder(path) else ([path], ())
    if not isinstance(path_or_paths, Iterable):
        path_of(path_or_paths)
    paths = [path_of(each) for each in path_or_paths]
    if not paths:
        raise InputError("There is no file to open: the list of paths is empty.")
    for path in paths:
        if _is_plain_folder(path):
            raise InputError(
                f"{path} is a folder inside a list: open the folder by itself, or list its files."
            )
    return in_natural_order(paths), ()


def _is_plain_folder(path: Path) -> bool:
    with readable(path):
        return path.is_dir() and folder_reader(path) is None


def reader_of(path: Path) -> Reader:
    """Return the format of a file or folder, by what it is, not by what it is called.

    Raises
    ------
    InputError
        Where it can't be read, or is of no known format.
    """
    with readable(path):
        found = folder_reader(path)
    if found is not None:
        return found
    start = magic(path)
    found = next((reader for reader in readers.READERS if reader.recognises(path, start)), None)
    if found is None and (kind := kind_of(path)) is not None:
        raise _saved(path, kind)
    if found is None:
        raise _not_opened(path, start)
    return found


def images_in(folder: Path) -> list[Path]:
    """Return files in a folder that are named like images, and folders that are one image."""
    with readable(folder):
        rows = [(path, named_like_image(path)) for path in folder.iterdir()]
        found = [(path, reader) for path, reader in rows if reader and _fits(path, reader)]
    described = _described_by(path for path, reader in found if reader.describes_others)
    return [path for path, _ in found if path.name not in described]


def _described_by(paths: Iterable[Path]) -> set[str]:
    """Names of the files that others without pixels describe: they are opened by those."""
    names: set[str] = set()
    for path in paths:
        with suppress(InputError):  # opening it says what is wrong
            names |= reader_of(path).load().describes(path)
    return names


def _fits(path: Path, reader: Reader) -> bool:
    return reader.is_folder if path.is_dir() else reader.is_file


def _of_folder(folder: Path) -> tuple[list[Path], tuple[Remark, ...]]:
    with readable(folder):
        kind = kind_of(folder)
    if kind in OF_THEIR_OWN:
        raise _saved(folder, kind)
    with readable(folder):
        files = [p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")]
    rows = [(path, reader) for path in files if (reader := named_like_image(path)) is not None]
    rows = [(path, reader) for path, reader in rows if reader.is_file]
    describing = in_natural_order(path for path, reader in rows if reader.describes_others)
    if len(describing) > 1:
        raise InputError(
            f"The folder {folder} holds {len(describing)} sets of images: open one by its file, "
            f"{describing[0].name} or {describing[1].name}."
        )
    if describing:
        others = [path for path, _ in rows if path.name not in _described_by(describing)]
        return describing, _of_undescribed(len(others) - 1, describing[0])
    images = [path for path, reader in rows if not reader.stands_alone]
    images = images or [path for path, _ in rows]
    images, projections = _without_projections(images)
    if not images and kind is not None:
        raise _saved(folder, kind)
    if not images:
        raise _no_images(folder, files)
    left_out = len(files) - len(images) - len(projections)
    verb = "was" if left_out == 1 else "were"
    remark = f"{counted(left_out, 'other file')} of the folder {folder.name} {verb} left out."
    in_order = in_natural_order(
        images, lambda path: path.name
    )  # of one folder: a third of the time
    return in_order, (*(as_notes(remark) if left_out else ()), *_of_projections(projections))


def _of_undescribed(number: int, by: Path) -> tuple[Remark, ...]:
    remark = (
        f"{counted(number, 'image file')} that {by.name} doesn't describe {were(number)} left out."
    )
    return as_warnings(remark) if number else ()


def _without_projections(images: list[Path]) -> tuple[list[Path], list[Path]]:
    """Images of a folder, and the projections of some of them that Fiji saved beside them."""
    found = [path for path in images if PROJECTION.match(path.name)]
    others = [path for path in images if not PROJECTION.match(path.name)]
    return (others, found) if others else (images, [])


def _of_projections(projections: list[Path]) -> tuple[Remark, ...]:
    if not projections:
        return ()
    names = [path.name for path in in_natural_order(projections)]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    what = "a projection by its name" if len(names) == 1 else "projections by their names"
    return as_notes(
        f"{', '.join(names[:MOST_NAMED])}{more} {were(len(names))} left out: {what}, not frames."
    )


def _not_opened(path: Path, start: bytes) -> InputError:
    """Say what a file is that no format recognises, and what to do with it."""
    other = other_of(path, start)
    what = "not an image that can be opened" if other is None else other.what
    way_out = f"choose {formats_with_endings()}" if other is None else other.way_out
    return InputError(f"{path} is {what}: {way_out or f'choose {formats_with_endings()}'}.")


def _no_images(folder: Path, files: list[Path]) -> InputError:
    """Say what a folder without images holds instead: folders that are one, or other files."""
    with readable(folder):
        inside = in_natural_order(p for p in folder.iterdir() if folder_reader(p) is not None)
    if inside:
        more = f" or {inside[1].name}" if len(inside) > 1 else ""
        return InputError(
            f"The folder {folder} holds no image files, but folders that are recordings: open "
            f"{inside[0]}{more}."
        )
    others = ((path, named_like_other(path)) for path in in_natural_order(files))
    for path, other in others:
        if other is not None and other.way_out:
            return InputError(
                f"The folder {folder} holds no image files that can be opened: {path.name} is "
                f"{other.what}: {other.way_out}."
            )
    return InputError(
        f"The folder {folder} holds no image files ({', '.join(file_suffixes())}): choose another."
    )


def _saved(path: Path, kind: Kind) -> InputError:
    return InputError(
        f"{path} holds {title_of(kind)}, not raw images: open it with napari_zstack_align.load, or "
        f"with 'zstack-align view' or 'zstack-align export'."
    )


def magic(path: Path) -> bytes:
    """First 16 bytes of a file."""
    with readable(path):
        check_is_file(path)
        with path.open("rb", buffering=0) as file:
            start = file.read(16)
    if not start:
        raise InputError(f"{path} is empty (0 bytes): copy it again from where it was recorded.")
    return start


def readable(path: Path) -> Readable:
    """Turn the system's errors about a file into one sentence, for the length of a block."""
    return Readable(path)


class Readable:
    """`readable`; a class costs a fifth of a generator, at each frame that is read."""

    def __init__(self, path: Path | str) -> None:
        self._path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, OSError):
            raise unreadable(self._path, error) from None


def unreadable(path: Path | str, error: OSError) -> InputError:
    """Make the sentence for an error of the system about a file."""
    if isinstance(error, FileNotFoundError):
        return InputError(f"There is no file {path}: check its name and folder.")
    if isinstance(error, PermissionError):
        return InputError(f"{path} can't be read: you have no permission to open it.")
    why = error.strerror or str(error)
    return InputError(f"{path} can't be read ({why}): check the disk or network.")
