"""What the buttons of the Mask tab do with the chosen mask, or with a new one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from napari.layers import Labels

from napari_zstack_align import made_masks
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.masks import pixels_of
from napari_zstack_align.gui.raw_mean import mean_of_frames
from napari_zstack_align.gui.stack_layers import StackLayers
from napari_zstack_align.progress import Job
from napari_zstack_align.stack import Stack

if TYPE_CHECKING:
    from napari_zstack_align.gui.zstack.part import ZStackPart

Pixels: TypeAlias = npt.NDArray[np.bool_]
Of: TypeAlias = tuple[StackLayers, int]
"""Stack and channel."""

MOST_FRAMES = 48
"""Frames whose mean tells what is bright: as many slices as may be."""
PAINTED = 1
"""Label of what is covered."""
OTHER_SIZE = "The mask '{}' isn't of the size of the frames: choose another one, or a new mask."


class MaskMaking:
    """Makes masks of bright tissue and of simple shapes, and changes them.

    What is done can be undone as strokes of the brush are. Main thread only.

    Parameters
    ----------
    part : ZStackPart
        Of whose chosen stack the masks are.
    """

    def __init__(self, part: ZStackPart) -> None:
        self._part = part
        self._box = part.mask_tab.box
        self._bright: made_masks.Image | None = None
        self._bright_of: Of | None = None
        self._wanted: tuple[Of, Callable[[], object]] | None = None
        self._dragged: Any = None
        self._box.clicked_on.connect(self.do)
        self._box.level_changed.connect(lambda _: self._with_brightness(self._cover_bright))
        self._box.slider.sliderPressed.connect(self._begin_drag)
        self._box.slider.sliderReleased.connect(self._end_drag)

    def do(self, name: str) -> None:
        """Do what a button says."""
        by_px = self._box.by_px.value()
        changes: dict[str, Callable[[Pixels], Pixels]] = {
            "circle": lambda mask: made_masks.circle((mask.shape[0], mask.shape[1])),
            "invert": np.logical_not,
            "clear": np.zeros_like,
            "grow": partial(made_masks.grown, by_px=by_px),
            "shrink": partial(made_masks.shrunk, by_px=by_px),
        }
        if name == "bright":
            self._with_brightness(self._cover_usual)
        else:
            self._change(changes[name])

    def forget(self) -> None:
        """Another stack is chosen: what was averaged is of the one before."""
        if self._bright_of is not None and self._bright_of[0] is not self._part.shown:
            self._bright = self._bright_of = None

    # -- bright tissue -------------------------------------------------------------------------

    def _cover_usual(self) -> None:
        assert self._bright is not None
        self._box.show_level(made_masks.usual_threshold(self._bright))
        self._cover_bright()

    def _cover_bright(self) -> None:
        bright, level = self._bright, self._box.level
        assert bright is not None
        self._change(lambda _: bright > level)

    def _with_brightness(self, then: Callable[[], object]) -> None:
        """Do something once it is known what is bright; of several wishes the last one counts."""
        of = self._of_now()
        if of is None:
            self._part.say_no_stack()
        elif self._bright is not None and self._bright_of == of:
            then()
        else:
            is_begun, self._wanted = self._wanted is not None, (of, then)
            if not is_begun:
                self._average(of)

    def _average(self, of: Of) -> None:
        self._box.run_bar.start(
            partial(brightness_of, of[0].stack, of[1]),
            returned=partial(self._on_averaged, of),
            cancelled=partial(self._on_ended, of),
            failed=partial(self._on_ended, of),
        )

    def _on_averaged(self, of: Of, bright: made_masks.Image) -> None:
        self._bright, self._bright_of = bright, of
        self._on_ended(of)

    def _on_ended(self, of: Of, _: object = None) -> None:
        """Do what is wanted now; nothing where it was for a stack that was left."""
        wanted, self._wanted = self._wanted, None
        if wanted is None or wanted[0] != self._of_now():
            return
        if wanted[0] != of or self._bright_of == of:  # else it was cancelled, or has failed
            self._with_brightness(wanted[1])

    def _of_now(self) -> Of | None:
        """Stack and channel that are chosen."""
        return None if self._part.shown is None else (self._part.shown, self._channel())

    def _channel(self) -> int:
        try:
            return int(self._part.align_tab.form.values().channel)
        except InputError:
            return 0

    # -- the layer -----------------------------------------------------------------------------

    def _change(self, change: Callable[[Pixels], Pixels]) -> None:
        """Let the chosen mask cover what a change makes of what it covers; else make a new one."""
        if self._part.align_tab.mask_combo.layer is None:
            self._part.new_mask()
        layer = self._part.align_tab.mask_combo.layer
        shown = self._part.shown
        if layer is None or shown is None:
            self._part.say_no_stack()
            return
        try:
            covered = pixels_of(layer) > 0
        except InputError as error:
            self._box.run_bar.say_error(str(error))
            return
        if covered.shape != shown.stack.shape[2:]:
            self._box.run_bar.say_error(OTHER_SIZE.format(layer.name))
            return
        self._box.run_bar.say("")
        if not layer.visible:
            layer.visible = True
        _paint(layer, covered, change(covered))

    def _begin_drag(self) -> None:
        """All that the slider does until it is let go is undone at once."""
        layer = self._part.align_tab.mask_combo.layer
        if layer is not None and self._dragged is None:
            self._dragged = layer.block_history()
            self._dragged.__enter__()

    def _end_drag(self) -> None:
        if self._dragged is not None:
            self._dragged.__exit__(None, None, None)
            self._dragged = None


def brightness_of(stack: Stack, channel: int) -> Job[made_masks.Image]:
    """How bright the tissue is in the mean of frames from all over a stack, (Y, X) in [0, 1]."""
    count = min(stack.n_frames, MOST_FRAMES)
    frames = np.linspace(0, stack.n_frames - 1, count).round().astype(np.intp)
    mean = yield from mean_of_frames(stack, frames, channel)
    return made_masks.brightness(mean)


def _paint(layer: Labels, before: Pixels, after: Pixels) -> None:
    """Cover other pixels, as a stroke of the brush that can be undone where it can be painted."""
    where = np.nonzero(before != after)
    if not len(where[0]):
        return
    if not (isinstance(layer.data, np.ndarray) and layer.data.flags.writeable):
        layer.data = np.where(after, PAINTED, 0).astype(np.uint8)  # lazy, or a file
    else:
        layer.data_setitem(where, np.where(after[where], PAINTED, 0).astype(layer.data.dtype))
