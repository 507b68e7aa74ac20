"""What a refusal of bad input has to be: one sentence that says what is wrong and what to do.

Cases of a table are run in one test by `each`: a test of its own costs more than most refusals.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from napari_zstack_align.cli.main import BAD_INPUT, main
from napari_zstack_align.errors import InputError

LONGEST = 1500
WHAT_TO_DO = re.compile(
    r"\b(give|choose|open|save|copy|use|restore|make|export|paint|align|split|leave|write|say|check|"
    r"set|must|needs?|should|can be|can't|only|expected|there (is|are)|looked for|has no|damaged|"
    r"is for|are for|goes with|at a time|have no|see|update|is empty|holds?|lacks|unknown|install|"
    r"load|wait|invalid|required|argument)\b",
    re.IGNORECASE,
)
NOT_OF_OURS = ("Traceback", "object has no attribute", "'NoneType'", "not subscriptable", "<class")


LONGEST_S = 10.0
"""A refusal that takes longer hangs."""


class Hang(BaseException):
    """No error that anything handles."""


def set_alarm() -> None:
    """Give what follows `LONGEST_S` seconds, where the system has alarms."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, LONGEST_S)


def each(cases: Iterable[tuple[str, Callable[[], Any]]]) -> None:
    """Run every case of a table, and fail with the names of all that fail; none may hang."""
    failed, number = [], 0
    for name, action in cases:
        number += 1
        set_alarm()
        try:
            action()
        except (Exception, Hang, pytest.fail.Exception) as error:
            failed.append(f"{name}: {type(error).__name__}: {error}")
    assert number, "there are no cases"
    assert not failed, "\n".join([f"{len(failed)} of {number} cases:", *failed])


def done_or_refused(action: Callable[[], Any]) -> None:
    """Fail unless an action succeeds, or is refused in one sentence."""
    try:
        action()
    except InputError as error:
        check_sentence(str(error))


def check_sentence(text: str) -> None:
    """Fail unless a text is one sentence for a person."""
    assert text.strip(), "the message is empty"
    assert "\n" not in text
    assert text.endswith("."), text
    assert len(text) <= LONGEST, f"{len(text)} characters"
    assert WHAT_TO_DO.search(text), f"no word of what to do: {text}"
    assert not [mark for mark in NOT_OF_OURS if mark in text], text


def refused(action: Callable[[], Any]) -> str:
    """Fail unless an action is refused in one sentence, which is returned."""
    with pytest.raises(InputError) as caught:
        action()
    text = str(caught.value)
    check_sentence(text)
    return text


def refused_by_command(arguments: Sequence[object], capsys: pytest.CaptureFixture[str]) -> str:
    """Fail unless a command is refused in one line on stderr with exit code 2."""
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    err = capsys.readouterr().err
    assert code == BAD_INPUT, f"exit code {code}: {err}"
    (line,) = err.splitlines()
    assert line.startswith("zstack-align: ")
    check_sentence(line.removeprefix("zstack-align: "))
    return line
