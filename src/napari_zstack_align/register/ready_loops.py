"""The compiled loops of a registration, made ready beside the first pieces of work."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import lru_cache

import numpy as np

from napari_zstack_align.alignment.spline import field_on_pixels, grid_shape
from napari_zstack_align.parallel import PAUSE_S
from napari_zstack_align.progress import Progress

SIDE_PX, SPACING_PX = 32, 16.0
PATIENCE_S = 2.0
"""Loops that are compiled already are loaded in less."""
COMPILING = (
    "The first run on a computer compiles the loops over pixels, which takes some seconds; later "
    "runs find them compiled."
)


def begin_making_ready() -> Future[None]:
    """Begin to load or compile, in a thread that ends with it."""
    with_one_thread = ThreadPoolExecutor(1, thread_name_prefix="compile")
    begun = with_one_thread.submit(make_ready)
    with_one_thread.shutdown(wait=False)
    return begun


def loops_ready(
    begun: Future[None], progress: Callable[[str], Progress]
) -> Generator[Progress, None, None]:
    """Wait for it with signs of life, and say what for where that takes long."""
    waited = 0.0
    while wait([begun], timeout=PAUSE_S).not_done:
        waited += PAUSE_S
        # Said once, at the first pause after that.
        is_long = waited - PAUSE_S < PATIENCE_S <= waited
        yield progress(COMPILING if is_long else "")
    begun.result()


@lru_cache(maxsize=1)
def make_ready() -> None:
    """Register a small image to itself: that loads what is compiled, and compiles what isn't."""
    # The compiler is slow to import.
    from napari_zstack_align.register.prefilter import Prefilter
    from napari_zstack_align.register.tears import Strips
    from napari_zstack_align.register.template import Template

    shape = (SIDE_PX, SIDE_PX)
    image = np.random.default_rng(0).poisson(9, shape).astype(np.float32)
    still = np.zeros((2, *grid_shape(shape, SPACING_PX)), np.float32)
    template = Template.build(
        image,
        Prefilter.for_image(image),
        spacing_px=SPACING_PX,
        alpha=1.0,
        max_shift_px=0.0,
        factors=(1,),
    )
    frame = template.filtered(image)
    template.register(frame, still, among=2)
    template.residual_power(frame, still)
    Strips.of(template.levels[-1])
    field_on_pixels(still, shape, SPACING_PX)
