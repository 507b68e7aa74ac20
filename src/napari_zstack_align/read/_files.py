"""Which files belong to a Stack, and reading their first bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from natsort import natsorted, ns

from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError

SUFFIXES = (".tif", ".tiff", ".btf", ".tf2", ".tf8", ".npy")
ZARR_MARKS = ("zarr.json", ".zarray", ".zgroup")


def collect(
    path_or_paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
) -> tuple[list[Path], tuple[str, ...]]:
    """Files (or zarr folders) that make up a Stack, in natural order, with remarks."""
    if isinstance(path_or_paths, (str, os.PathLike)):
        path = Path(path_or_paths).expanduser()
        if path.is_dir() and not is_zarr(path):
            return _of_folder(path)
        return [path], ()
    paths = [Path(p).expanduser() for p in path_or_paths]
    if not paths:
        raise InputError("There is no file to open: the list of paths is empty.")
    for path in paths:
        if path.is_dir() and not is_zarr(path):
            raise InputError(
                f"{path} is a folder inside a list: open the folder by itself, or list its files."
            )
    return _in_order(paths), ()


def is_zarr(path: Path) -> bool:
    """Whether a folder is a zarr array or group."""
    return path.is_dir() and any((path / mark).exists() for mark in ZARR_MARKS)


def _of_folder(folder: Path) -> tuple[list[Path], tuple[str, ...]]:
    with readable(folder):
        entries = [p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")]
    images = [p for p in entries if p.suffix.lower() in SUFFIXES]
    if not images:
        raise InputError(
            f"The folder {folder} holds no image files ({', '.join(SUFFIXES)}): choose another."
        )
    left_out = len(entries) - len(images)
    verb = "was" if left_out == 1 else "were"
    remark = f"{counted(left_out, 'other file')} of the folder {folder.name} {verb} left out."
    return _in_order(images), (remark,) if left_out else ()


def _in_order(paths: list[Path]) -> list[Path]:
    return [Path(p) for p in natsorted(paths, key=str, alg=ns.IGNORECASE)]


def magic(path: Path) -> bytes:
    """First 16 bytes of a file."""
    with readable(path), path.open("rb", buffering=0) as file:
        start = file.read(16)
    if not start:
        raise InputError(f"{path} is empty (0 bytes): copy it again from where it was recorded.")
    return start


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn the system's errors about a file into one sentence."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"There is no file {path}: check its name and folder.") from None
    except PermissionError:
        raise InputError(f"{path} can't be read: you have no permission to open it.") from None
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError(f"{path} can't be read ({why}): check the disk or network.") from None
