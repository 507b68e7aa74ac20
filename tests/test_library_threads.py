import gc

import cv2
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from napari_zstack_align.library_threads import OneThreadEach


def _blas_threads() -> set[int]:
    return {i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas"}


@pytest.fixture
def two_threads():
    gc.collect()  # a job that a test left open lets go of the threads when it is collected
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    with threadpool_limits(2):
        yield
    cv2.setNumThreads(before)


@pytest.mark.usefixtures("two_threads")
def test_overlapping_holders_do_not_undo_each_other():
    hold = OneThreadEach()
    hold.enter()
    hold.enter()
    hold.leave()
    assert cv2.getNumThreads() == 1
    assert _blas_threads() == {1}
    hold.leave()
    assert cv2.getNumThreads() == 2
    assert _blas_threads() == {2}


@pytest.mark.usefixtures("two_threads")
def test_an_error_in_the_block_restores_the_threads():
    with pytest.raises(ZeroDivisionError), OneThreadEach().held():
        raise ZeroDivisionError
    assert cv2.getNumThreads() == 2
