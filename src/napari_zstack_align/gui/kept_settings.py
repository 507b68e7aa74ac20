"""Parameters kept under a name for the next time: JSON files, as the command line takes them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

from qtpy.QtCore import QStandardPaths

from napari_zstack_align.errors import InputError
from napari_zstack_align.params import Params

Model = TypeVar("Model", bound=Params)

FOLDER = "zstack-align"
LAST = ".last run"
"""A name that nobody can give."""
FORBIDDEN = '/\\:*?"<>|'
LONGEST = 60


class KeptSettings:
    """The parameters of one step that were kept.

    Parameters
    ----------
    model : type of Params
        Of the step.
    """

    def __init__(self, model: type[Model]) -> None:
        self._model = model

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return settings_folder() / self._model.__name__

    def names(self) -> list[str]:
        """What they are called, in alphabetical order."""
        try:
            found = [path.stem for path in self.folder.glob("*.json")]
        except OSError:
            return []
        return sorted((name for name in found if not name.startswith(".")), key=str.lower)

    def has_last(self) -> bool:
        """Whether the parameters of a run were kept."""
        try:
            return self._path(LAST).is_file()
        except OSError:
            return False

    def values(self, name: str) -> Params:
        """Return the parameters of a name, or of `LAST`.

        Raises
        ------
        InputError
            Where the file is gone, or holds what can't be used.
        """
        return self._model.from_file(self._path(name))

    def keep(self, name: str, params: Params) -> None:
        """Keep parameters under a name, in place of those that had it.

        Raises
        ------
        InputError
            Where the name can't be one of a file, or nothing can be written.
        """
        if name != LAST:
            _check(name)
        path = self._path(name)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            params.to_file(unfinished)
            os.replace(unfinished, path)
        except OSError as error:
            why = error.strerror or error
            raise InputError(f"The settings can't be kept in {path.parent}: {why}.") from None

    def remove(self, name: str) -> None:
        """Forget a name."""
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError as error:
            why = error.strerror or error
            raise InputError(f"'{name}' can't be removed from {self.folder}: {why}.") from None

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"


def settings_folder() -> Path:
    """Where the settings of a person are kept on this system."""
    place = QStandardPaths.StandardLocation.GenericConfigLocation
    return Path(QStandardPaths.writableLocation(place)) / FOLDER


def _check(name: str) -> None:
    bad = [letter for letter in name if letter in FORBIDDEN or not letter.isprintable()]
    if bad:
        raise InputError(f"A name can't hold '{bad[0]}': choose another one.")
    if not name or name[0] == "." or name[-1] == ".":
        raise InputError("A name must begin and end with a letter or a number: choose another one.")
    if len(name) > LONGEST:
        raise InputError(f"A name can have {LONGEST} letters at most: choose a shorter one.")
