"""Makes the helpers beside the tests importable, and lets no test hang."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

for _folder in (Path(__file__).parent, Path(__file__).parents[1] / "saved"):
    sys.path.insert(0, str(_folder))

from refusing import LONGEST_S, Hang, set_alarm  # noqa: E402


@pytest.fixture(autouse=True)
def _no_hanging() -> Iterator[None]:
    """Fail a test that hangs, where the system has alarms."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def fail(*_: object) -> None:
        raise Hang(f"it hangs: no answer within {LONGEST_S:g} s")

    before = signal.signal(signal.SIGALRM, fail)
    set_alarm()
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
