"""Frames of several planes that are taken for one slice are no stripes of the detector."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import napari_zstack_align as nza
from napari_zstack_align.parallel import worker_threads
from napari_zstack_align.register.artefacts.search import search

N_PLANES, N_VOLUMES = 12, 8


def up_and_down(seed: int) -> np.ndarray:
    """Planes of square cells, scanned up and down in turn."""
    rng = np.random.default_rng(seed)
    planes = [np.kron(rng.gamma(0.4, 40, (16, 16)), np.ones((6, 6))) + 2 for _ in range(N_PLANES)]
    up = [*range(N_PLANES)]
    order = [z for k in range(N_VOLUMES) for z in (up if k % 2 == 0 else up[::-1])]
    return rng.poisson([planes[z] + 1 for z in order]).astype(np.uint16)


def found_in(frames, **options):
    stack = nza.Stack.from_array(frames, frames_per_slice=N_VOLUMES)
    with worker_threads(1) as pool:
        return nza.run(search(stack, nza.AdaptiveParams(), pool, **options))


@pytest.mark.parametrize("seed", [0, 1])
def test_planes_under_a_wrong_layout_are_no_stripes(seed) -> None:
    found = found_in(up_and_down(seed), slices_known=False)
    assert found.pattern is None
    assert not any("Stripes" in remark for remark in found.remarks)


@pytest.mark.slow
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("every", [1, 3])
def test_rows_without_light_are_found_under_a_layout_that_looks_wrong(
    known: bool, every: int
) -> None:
    """Also where each third frame lacks them, as every second or third one was looked at."""
    rng = np.random.default_rng(3)
    planes = gaussian_filter(rng.gamma(0.4, 40, (12, 96, 96)), (0, 2, 2)) + 20
    frames = rng.poisson(np.repeat(planes, 10, axis=0)).astype(np.uint16)
    for t, frame in enumerate(frames[::every]):
        start = t * 7 % 84 if every == 1 else 40
        frame[start : start + 12] = 0
    stack = nza.Stack.from_array(frames, frames_per_slice=10)
    with worker_threads(1) as pool:
        found = nza.run(search(stack, nza.AdaptiveParams(), pool, slices_known=known))
    kinds = [found.transients.find(frame.astype(np.float32))[1] for frame in frames]
    n_rows = np.array([0 if each is None else int(np.count_nonzero(each)) for each in kinds])
    struck = np.arange(len(frames)) % every == 0
    assert ((n_rows[struck] >= 11) & (n_rows[struck] <= 16)).mean() > 0.95
    assert not n_rows[~struck].any()


@pytest.mark.parametrize("order", ["as it is", "sorted"])
def test_a_run_compares_the_repeats_of_a_right_layout_alone(monkeypatch, order) -> None:
    asked = []

    def noted(*arguments, **options):
        asked.append(options["slices_known"])
        return (yield from search(*arguments, **options))

    monkeypatch.setattr("napari_zstack_align.register.artefacts.kept_search.search", noted)
    frames = up_and_down(0)
    if order == "sorted":
        volumes = frames.reshape(N_VOLUMES, N_PLANES, 96, 96)
        volumes[1::2] = volumes[1::2, ::-1]
        frames = volumes.swapaxes(0, 1).reshape(frames.shape)
    job = nza.align_adaptive(nza.Stack.from_array(frames, frames_per_slice=N_VOLUMES))
    next(step for step in job if step.stage == "Aligning")
    job.close()
    # The search goes beside the check of the layout, and is done again where that is wrong.
    assert asked == ([True] if order == "sorted" else [True, False])
