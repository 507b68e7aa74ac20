"""`BlobTuner`: an image, the parameters of three detectors, and what they find at each tick."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QObject, QTimer, Signal

from napari_zstack_align.cells.blobs import BlobResult, detect, effective_threshold
from napari_zstack_align.cells.scale_space import Region, ScaleSpace, build_scale_space
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.newest import Newest
from napari_zstack_align.params import BlobParams
from napari_zstack_align.params._blobs import METHODS
from napari_zstack_align.progress import Job, Progress, with_partial

LIVE_CANDIDATES = 4000
"""With more maxima above the threshold than this a tick would be felt: it goes to the worker."""


class BlobTuner(QObject):
    """Keeps a scale space a method, and chooses from it anew when a slider moves.

    A tick of threshold, overlap or border is reckoned at once; other scales, and other images, in
    a worker of their own each, so that no slider waits. Main thread only.

    Parameters
    ----------
    parent : QObject
        Its owner.
    visible : callable
        Returns the part of the image in view, (rows, columns), or None for all of it.
    """

    found = Signal(str)
    """There is a new result of this method."""
    failed = Signal(str, str)
    """Method, and one sentence why it finds nothing."""
    busy_changed = Signal(str, bool)
    """Method, and whether an answer of it is still to come."""

    def __init__(
        self, parent: QObject, visible: Callable[[], Region | None] = lambda: None
    ) -> None:
        super().__init__(parent)
        self.params: dict[str, BlobParams] = {m: BlobParams(method=m) for m in METHODS}
        self.results: dict[str, BlobResult] = {}
        self.spaces: dict[str, ScaleSpace] = {}
        self.image: npt.NDArray[Any] | None = None
        self.mask: npt.NDArray[np.bool_] | None = None
        self._visible = visible
        self._wanted: tuple[str, ...] = (METHODS[0],)
        self._dirty: set[str] = set()
        self._scales: dict[str, Newest] = {
            method: self._newest(method, self._on_space) for method in METHODS
        }
        self._choices: dict[str, Newest] = {
            method: self._newest(method, self._on_result) for method in METHODS
        }
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self.tick)

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
        return self._timer.isActive() or any(map(self.is_busy, METHODS))

    def is_busy(self, method: str) -> bool:
        """Whether an answer of a method is still to come."""
        return self._scales[method].busy or self._choices[method].busy

    # -- what is looked at ---------------------------------------------------------------------

    def set_image(self, image: npt.NDArray[Any] | None) -> None:
        """Look at another image (Y, X); None for none."""
        self.image = image
        self.spaces.clear()
        self.results.clear()
        if self.mask is not None and image is not None and self.mask.shape != image.shape:
            self.mask = None
        for method in METHODS:
            self._scales[method].forget()
            self._choices[method].forget()
        self._again(METHODS)

    def set_mask(self, mask: npt.NDArray[np.bool_] | None) -> None:
        """Keep blobs whose centre lies inside a mask (Y, X); None, or an empty one, for all."""
        self.mask = mask if mask is not None and mask.any() else None
        self._again(METHODS)

    def set_params(self, params: BlobParams) -> None:
        """Use other parameters for their method."""
        self.params[params.method] = params
        self._again((params.method,))

    def want(self, methods: tuple[str, ...]) -> None:
        """Keep the results of these methods up to date."""
        self._wanted = methods
        self._again(m for m in methods if m not in self.results)

    def tick(self) -> None:
        """Bring up to date what has changed and is wanted."""
        for method in [m for m in self._wanted if m in self._dirty]:
            self._dirty.discard(method)
            if self.image is not None:
                self._update(method, self.image)

    def abandon(self) -> None:
        """Stop everything; for a panel that is closed."""
        self._timer.stop()
        for newest in (*self._scales.values(), *self._choices.values()):
            newest.abandon()

    # -- inside --------------------------------------------------------------------------------

    def _again(self, methods: Iterable[str]) -> None:
        self._dirty.update(methods)
        self._timer.start()

    def _update(self, method: str, image: npt.NDArray[Any]) -> None:
        space, params = self.spaces.get(method), self.params[method]
        if space is None or not space.fits(params):
            start = partial(_build, image, params, self._visible())
            self._scales[method].ask(start)
        else:
            self._choose(space, params)

    def _choose(self, space: ScaleSpace, params: BlobParams) -> None:
        method = params.method
        limit = effective_threshold(space, params)
        if np.searchsorted(-space.strength, -limit) > LIVE_CANDIDATES:
            self._choices[method].ask(partial(_detect, space, params, self.mask))
            return
        self._choices[method].forget()
        try:
            self._on_result(method, detect(space, params, self.mask))
        except InputError as error:
            self.failed.emit(method, str(error))

    def _on_space(self, method: str, answer: tuple[BlobParams, ScaleSpace]) -> None:
        asked, space = answer
        self.spaces[method] = space
        if space.fits(self.params[method]):
            asked = self.params[method]
        # else the slider is still moving: what it passed is shown until the newest is there
        self._choose(space, asked)

    def _on_result(self, method: str, result: BlobResult) -> None:
        self.results[method] = result
        self.found.emit(method)

    def _newest(self, method: str, answer: Callable[[str, Any], None]) -> Newest:
        newest = Newest(self)
        newest.answered.connect(partial(answer, method))
        newest.partial_answer.connect(partial(answer, method))
        newest.failed.connect(partial(self.failed.emit, method))
        newest.busy_changed.connect(lambda _: self.busy_changed.emit(method, self.is_busy(method)))
        return newest


def _build(
    image: npt.NDArray[Any], params: BlobParams, visible: Region | None
) -> Job[tuple[BlobParams, ScaleSpace]]:
    """Make the scale space in the worker, where what is wrong with the image is told too."""
    job = build_scale_space(image, params, visible)
    return params, (yield from with_partial(job, lambda space: (params, space)))


def _detect(
    space: ScaleSpace, params: BlobParams, mask: npt.NDArray[np.bool_] | None
) -> Job[BlobResult]:
    yield Progress("Choosing blobs", 0, 1)
    return detect(space, params, mask)
