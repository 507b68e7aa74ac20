from __future__ import annotations

import numpy as np
import pytest
from stacks import small_zstack

import napari_zstack_align as nza
from napari_zstack_align.gui import jobs
from napari_zstack_align.gui.arrows import arrow_grid, arrows
from napari_zstack_align.gui.eta import Course, in_words
from napari_zstack_align.gui.lazy import GrowingVolume
from napari_zstack_align.gui.words import ended, flag_words
from napari_zstack_align.progress import Progress


@pytest.fixture(scope="module")
def stack():
    return small_zstack()


@pytest.fixture(scope="module")
def alignment(stack):
    return nza.run(nza.align_adaptive(stack))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([[1.0, np.nan], [np.inf, 1.0]], (1.0, 2.0), id="constant beside NaN"),
        pytest.param([[np.nan]], (0.0, 1.0), id="nothing but NaN"),
        pytest.param([[0, 1000]], (5.0, 998.0), id="spread"),
    ],
)
def test_limits_always_differ(values, expected):
    assert jobs.limits(np.array(values)) == pytest.approx(expected)


def test_contrast_comes_from_a_few_frames(stack):
    reads = []

    class Watched:
        shape, dtype = stack.source.shape, stack.source.dtype

        def read(self, start, stop):
            reads.append((start, stop))
            return stack.source.read(start, stop)

    nza.run(jobs.sample_contrast(stack.replace(source=Watched())))
    assert len(reads) <= jobs.SAMPLED_FRAMES
    assert all(stop - start == 1 for start, stop in reads)


def test_the_volume_grows_while_aligning(stack):
    volume = GrowingVolume(stack.n_slices, stack.shape[2:])
    there = []
    job = jobs.aligning(lambda: nza.align_adaptive(stack), [volume])
    result = nza.run(job, lambda p: there.append(int(np.sum(volume[:, 32, 32] > 0))))
    assert set(there) >= {0, 1, 2}
    np.testing.assert_allclose(
        volume[...], np.nan_to_num(result.volume().compute()), rtol=1e-5, atol=1e-4
    )


def test_finished_slices_of_a_partial_alignment(stack):
    job = nza.align_adaptive(stack)
    partial = next(p.partial for p in job if p.partial is not None)
    job.close()
    assert jobs.finished_slices(partial) == [0]
    assert "1 of 3 slices aligned; they are kept" in ended(partial)
    assert flag_words(partial, 11) == ": not aligned yet"


def test_arrows_are_the_displacement_on_a_grid(alignment):
    grid = arrow_grid((100, 50))
    assert np.all((grid > 0) & (grid < (99, 49)))
    vectors = arrows(alignment, 7)
    np.testing.assert_allclose(
        vectors[:, 0] + vectors[:, 1], alignment.transforms.to_raw(vectors[:, 0], 7), atol=1e-3
    )
    assert not arrows(alignment, None)[:, 1].any()


def test_time_left_follows_the_main_stage():
    now = [0.0]
    course = Course(lambda: now[0])
    course.update(Progress("First", 0, 5))
    assert course.seconds_left() is None
    main = Progress("Aligning", 10, 100)
    assert course.update(main) is main
    now[0] = 4.0
    main = Progress("Aligning", 50, 100)
    assert course.update(main) is main
    assert course.update(Progress("Averaging", 3, 9)) is main
    assert course.seconds_left() == pytest.approx(5.0)
    course.update(Progress("Aligning", 100, 100))
    last = Progress("Averaging slices", 0, 9)
    assert course.update(last) is last
    assert course.seconds_left() is None


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (59, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_seconds_in_words(seconds, words):
    assert in_words(seconds) == words
