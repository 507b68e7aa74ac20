"""`RunFolder`: where what a run has finished is kept, and what sets the same run up again."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from platformdirs import user_state_path

from napari_zstack_align.errors import InputError
from napari_zstack_align.project import remove_project
from napari_zstack_align.saved import Journal
from napari_zstack_align.saved.finished_parts import units_in
from napari_zstack_align.saved.kinds import PROJECT
from napari_zstack_align.saved.lock import is_held
from napari_zstack_align.saved.names import LOCK, UNFINISHED

VARIABLE = "ZSTACK_ALIGN_STATE"
"""Environment variable with another folder than the usual one of the user's state."""
_NAME = re.compile("[0-9a-f]{32}")


def all_runs() -> Path:
    """Return the folder that holds the folders of all runs of this user."""
    given = os.environ.get(VARIABLE)
    state = Path(given) if given else user_state_path("napari-zstack-align", appauthor=False)
    return state / "unfinished runs"


class RunFolder:
    """The folder of one run.

    Whoever works on the run, or shows a result of it that is in no file, holds its lock.

    Parameters
    ----------
    path : pathlib.Path
        Named by the hash of all that the run is given.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.journal = path / f"run{UNFINISHED}"
        self.setup = path / "setup.zproject"
        self.lock = path / LOCK
        self._ended = path / "ended"

    @property
    def is_in_use(self) -> bool:
        """Whether a program works on the run, or shows its result."""
        return is_held(self.lock)

    @property
    def can_go_on(self) -> bool:
        """Whether something of the run is finished, and it can be set up again."""
        return (self.setup / PROJECT).is_file() and bool(units_in(self.journal))

    @property
    def has_ended(self) -> bool:
        """Whether the run came to its end: only its result is in no file."""
        return self._ended.is_file()

    def note_begun(self) -> None:
        """The run is being worked on, perhaps again."""
        self._ended.unlink(missing_ok=True)

    def note_ended(self) -> None:
        """The run came to its end."""
        with suppress(OSError):  # it counts as interrupted then
            self._ended.touch()

    def size(self) -> int:
        """Bytes of all files in it."""
        return sum(path.stat().st_size for path in self.path.rglob("*") if path.is_file())

    def discard(self) -> None:
        """Remove the journal and what is beside it, nothing of anybody else's; hold the lock."""
        if self.journal.is_dir():
            with suppress(InputError), Journal(self.journal, {}) as journal:
                journal.discard()
        remove_project(self.setup)
        self._ended.unlink(missing_ok=True)

    def remove_if_empty(self) -> None:
        """Remove the folder itself, after its lock was let go of."""
        with suppress(OSError):  # it holds something
            self.path.rmdir()


def run_folders() -> list[RunFolder]:
    """Return the folders of all runs."""
    try:
        paths = list(all_runs().iterdir())
    except OSError:  # there are none yet
        return []
    return [RunFolder(path) for path in paths if _NAME.fullmatch(path.name) and path.is_dir()]
