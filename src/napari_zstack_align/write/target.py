"""What an export may replace: an earlier one of its kind, and nothing of a saved result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from napari_zstack_align.atomic import check_target
from napari_zstack_align.errors import InputError
from napari_zstack_align.read import MADE_BY
from napari_zstack_align.saved import check_outside_results


def check_export_target(
    path: Path, overwrite: bool, is_export: Callable[[Path], bool], *, is_folder: bool = False
) -> None:
    """Find out before the work whether an export can be written under a name.

    Parameters
    ----------
    path : pathlib.Path
        The file or folder.
    overwrite : bool
        Whether an earlier export may be replaced.
    is_export : callable
        Whether what is there is an earlier export of this kind. Raw frames and tables of other
        programs have the same endings.
    is_folder : bool
        Whether a folder is written.

    Raises
    ------
    InputError
        Where the name is taken by something else, lies in a saved result, or can't be written.
    """
    check_outside_results(path)
    check_target(path, overwrite, is_folder=is_folder)
    if _holds_something(path) and not is_export(path):
        raise InputError(
            f"{path} was not exported by {MADE_BY}, and might be raw data: choose another name, or "
            f"remove it yourself."
        )


def _holds_something(path: Path) -> bool:
    return path.exists() and not (path.is_dir() and not any(path.iterdir()))
