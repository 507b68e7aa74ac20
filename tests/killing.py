"""Stop a process by SIGKILL at a chosen file operation below a folder."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.threaded

EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "fcntl.flock"}
FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
EVERY = int(os.environ.get("ZALIGN_KILL_EVERY", "0"))
LONGEST_S = 120
"""A child that takes longer hangs: it is ended, and the test fails."""
AFTER = ("replace", "fsync", "remove", "unlink", "mkdir", "rmdir", "open")


def stride(usual: int) -> int:
    """How far the moments that are tried lie apart; ``make test-kills`` tries every one."""
    return EVERY or usual


class Moments:
    """Counts the moments before and after every file operation below a folder, and kills at one.

    Parameters
    ----------
    folder : pathlib.Path
        Operations elsewhere don't count.
    fatal : callable
        Gets the number of the moment, from 1, and a text such as 'before os.rename run.json'; true
        kills the process.
    """

    def __init__(self, folder: Path, fatal: Callable[[int, str], bool]) -> None:
        self.count = 0
        self._folder, self._fatal = str(folder), fatal
        sys.addaudithook(self._before)
        for name in AFTER:
            setattr(os, name, self._followed(name, getattr(os, name)))

    def _before(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in EVENTS:
            return
        if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & FLAGS):
            return
        if event == "fcntl.flock":
            self._tick("before flock")
        elif self._is_inside(arguments[:2]):
            self._tick(f"before {event} {os.path.basename(os.fspath(arguments[0]))}")

    def _followed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def followed(*arguments: Any, **options: Any) -> Any:
            if name == "fsync":
                self._tick("before fsync")
            result = function(*arguments, **options)
            if name == "fsync" or self._is_inside(arguments):
                target = arguments[-1] if name == "replace" else arguments[0]
                self._tick(f"after {name} {os.path.basename(str(target))}")
            return result

        return followed

    def _is_inside(self, arguments: tuple[Any, ...]) -> bool:
        paths = [each for each in arguments if isinstance(each, str | bytes | os.PathLike)]
        return any(os.path.abspath(os.fsdecode(path)).startswith(self._folder) for path in paths)

    def _tick(self, what: str) -> None:
        self.count += 1
        if self._fatal(self.count, what):
            os.kill(os.getpid(), signal.SIGKILL)


def killed_at(moment: int, folder: Path, action: Callable[[], object]) -> bool:
    """Do something in a child process that dies at a moment; False where it ended before."""
    return _killed(lambda count, _: count == moment, folder, action)


def killed_when(what: str, number: int, folder: Path, action: Callable[[], object]) -> bool:
    """The same at the n-th moment of a kind, such as 'before os.rename'."""
    seen: Counter[bool] = Counter()

    def fatal(_: int, moment: str) -> bool:
        seen[moment.startswith(what)] += 1
        return seen[True] == number

    return _killed(fatal, folder, action)


def _killed(fatal: Callable[[int, str], bool], folder: Path, action: Callable[[], object]) -> bool:
    def observed() -> int:
        Moments(folder, fatal)
        action()
        return 0

    status = _status_of_child(observed)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "the child failed by itself"
    return False


def code_of(action: Callable[[], int]) -> int:
    """Exit code of what is done in a child process, whose threads this one doesn't inherit."""
    return os.waitstatus_to_exitcode(_status_of_child(action))


def _forget_threads() -> None:
    """Let dask start threads anew: a child has none of those that its parent started."""
    dask.threaded.default_pool = None
    dask.threaded.pools.clear()


def _status_of_child(action: Callable[[], int]) -> int:
    child = os.fork()
    if child == 0:
        code = 70
        try:
            signal.alarm(LONGEST_S)
            _forget_threads()
            code = action()
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1]
