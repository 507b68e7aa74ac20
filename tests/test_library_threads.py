import subprocess
import sys

import cv2
import pytest

from napari_zstack_align.library_threads import OneThreadEach

OVERLAPPING = """
import cv2
from threadpoolctl import threadpool_info, threadpool_limits
from napari_zstack_align.library_threads import OneThreadEach

def blas_threads():
    return {i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas"}

cv2.setNumThreads(2)
with threadpool_limits(2):
    before = blas_threads()
    hold = OneThreadEach()
    hold.enter()
    hold.enter()
    hold.leave()
    assert cv2.getNumThreads() == 1
    assert blas_threads() == {1}
    hold.leave()
    assert cv2.getNumThreads() == 2
    assert before == blas_threads() == {2}, (before, blas_threads())
"""


def test_overlapping_holders_do_not_undo_each_other():
    """In a process of its own: what other tests leave of libraries and threads is none of it."""
    done = subprocess.run([sys.executable, "-c", OVERLAPPING], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def two_threads():
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    yield
    cv2.setNumThreads(before)


@pytest.mark.usefixtures("two_threads")
def test_an_error_in_the_block_restores_the_threads():
    with pytest.raises(ZeroDivisionError), OneThreadEach().held():
        raise ZeroDivisionError
    assert cv2.getNumThreads() == 2
