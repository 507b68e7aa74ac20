"""How many threads a job takes where nobody says it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from napari_zstack_align.parallel import default_threads, threads_at_most


@pytest.mark.parametrize(("most", "expected"), [(1, 1), (0, default_threads()), (10_000, None)])
def test_the_default_is_held_to_a_number(most, expected):
    before = default_threads()
    with threads_at_most(most):
        assert default_threads() == (before if expected is None else expected)
    assert default_threads() == before


def test_other_threads_are_not_held():
    with threads_at_most(1), ThreadPoolExecutor(1) as pool:
        assert default_threads() == 1
        elsewhere = pool.submit(default_threads).result()
    assert elsewhere == default_threads()
