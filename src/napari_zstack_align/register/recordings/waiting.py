"""Signs of life while work goes on in threads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait
from typing import Any

from napari_zstack_align.progress import Progress

YIELD_S = 0.2


def until_done(tasks: Sequence[Future[Any]], stage: Progress) -> Iterator[Progress]:
    """Yield a progress several times a second until all tasks are done."""
    while wait(tasks, timeout=YIELD_S).not_done:
        yield stage
