from concurrent.futures import ThreadPoolExecutor

import numpy as np

from napari_zstack_align import scratch as module
from napari_zstack_align.scratch import scratch


def test_a_thread_gets_its_own_array_again():
    first = scratch("tested", 3, 4)
    assert first.shape == (3, 4)
    assert first.dtype == np.float32
    assert np.shares_memory(first, scratch("tested", 2, 5))
    assert not np.shares_memory(first, scratch("tested otherwise", 3, 4))
    with ThreadPoolExecutor(1) as pool:
        assert not np.shares_memory(first, pool.submit(scratch, "tested", 3, 4).result())


def test_no_more_is_kept_than_may_be(monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 0)
    assert not np.shares_memory(scratch("large", 9), scratch("large", 9))
