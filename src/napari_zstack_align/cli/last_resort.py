"""What the command line says of an error that nobody foresaw: a sentence, and a log to report."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import suppress

from napari_zstack_align._version import __version__


def fault_sentence(error: BaseException, arguments: Sequence[str], doing: str) -> str:
    """Write down an error that is a fault of this program, and say so.

    Parameters
    ----------
    error : BaseException
        What was raised.
    arguments : sequence of str
        Of the command line.
    doing : str
        The command, such as 'export'.

    Returns
    -------
    str
        One sentence. The traceback is in the file that it names; where none can be written, the
        sentence says where the error was raised.
    """
    log = _write_log(error, arguments)
    how = f"report it with the log {log}" if log else f"report this sentence ({_place(error)})"
    what = _what(error)
    if isinstance(error, MemoryError):
        return (
            f"The memory wasn't enough for '{doing}' ({what}): close other programs, or give "
            f"smaller data or --threads; if that is no help, please {how}."
        )
    if isinstance(error, OSError):
        return (
            f"The system stopped '{doing}' ({what}): see whether the disk is there and has space; "
            f"if that is no help, please {how}."
        )
    return f"'{doing}' was stopped ({what}): this is a fault of napari-zstack-align, please {how}."


def flush_or_hush() -> None:
    """Print what is still to be printed; what can't be printed would be a traceback at the end."""
    try:
        sys.stdout.flush()
    except OSError:
        hush()


def hush() -> None:
    """Let what is still to be printed vanish: nobody reads it."""
    with suppress(OSError, ValueError), open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _what(error: BaseException) -> str:
    said = " ".join(str(error).split())[:200].rstrip(". ")
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{os.path.basename(frames[-1].filename)}, line {frames[-1].lineno}" if frames else "?"


def _write_log(error: BaseException, arguments: Sequence[str]) -> str:
    """Write the traceback into a new file in the folder of temporary files; '' where it can't."""
    head = (
        f"napari-zstack-align {__version__}, Python {platform.python_version()}, "
        f"{platform.platform()}\n{list(arguments)!r}\n\n"
    )
    path = ""
    try:
        descriptor, path = tempfile.mkstemp(".log", "zstack-align-")
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(head)
            file.write("".join(traceback.format_exception(error)))
    except OSError:
        with suppress(OSError):
            os.unlink(path)
        return ""
    return path
