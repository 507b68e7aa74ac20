"""`Comparison`: the raw and the aligned frame in view, compared in one contrast."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image
from qtpy.QtCore import QTimer

from napari_zstack_align.counting import counted
from napari_zstack_align.gui.compat import camera, fit_view
from napari_zstack_align.gui.layer_group import ALIGNED, flatten
from napari_zstack_align.gui.layer_look import name_of
from napari_zstack_align.gui.newest import Newest
from napari_zstack_align.gui.stack_layers import COMPARED, StackLayers
from napari_zstack_align.gui.zstack.compare_box import BESIDE, COLOURS, DIFFERENCE, FLICKER, OFF
from napari_zstack_align.gui.zstack.compared_frames import ComparedFrames, asked_at, comparing

if TYPE_CHECKING:
    from napari_zstack_align.gui.zstack.part import ZStackPart

FLICKER_MS = 500
GAP = 0.02
"""Between two images side by side, as a part of their width."""
WORDS = {
    BESIDE: "RAW | ALIGNED",
    COLOURS: "RAW magenta, ALIGNED green",
    DIFFERENCE: "ALIGNED − RAW, mid-grey where alike",
}


class Comparison:
    """Shows raw and aligned images of the place in view, for as long as a way is chosen.

    The images are means that a worker makes; until they come, those of before stay with their
    label. Main thread only.

    Parameters
    ----------
    part : ZStackPart
        Whose chosen stack and Align tab are used.
    """

    def __init__(self, part: ZStackPart) -> None:
        self._part = part
        self._box = part.align_tab.compare_box
        self._shown: StackLayers | None = None
        self._found: ComparedFrames | None = None
        self._asked: Any = None
        self._is_after = True
        self._camera: tuple[Any, float] | None = None
        self._newest = Newest(part)
        self._newest.answered.connect(self._on_answer)
        self._newest.failed.connect(part.align_tab.run_bar.say_error)
        self._timer = QTimer(part)
        self._timer.setInterval(FLICKER_MS)
        self._timer.timeout.connect(self.flip)
        self._box.changed.connect(self._on_changed)

    @property
    def is_open(self) -> bool:
        """Whether its images are in view."""
        return self._shown is not None

    @property
    def words(self) -> str:
        """What is in view, for the canvas."""
        if self._found is None or self._shown is None:
            return ""
        way = self._box.way
        which = WORDS.get(way) or ("ALIGNED" if self._is_after else "RAW")
        asked, n_frames = self._found.asked, len(self._found.asked.frames)
        several = "" if n_frames == 1 else f", mean of {counted(n_frames, 'frame')}"
        if self._shown.grid.is_zstack:
            several = several.replace("frame", "repeat")
        return f"{which}\n{self._shown.grid.words(asked.position)}{several}"

    def follow(self) -> bool:
        """Compare what is at the sliders now; whether it is in view.

        It ends where something else was chosen to be looked at.
        """
        if self._box.way == OFF:
            return False
        if self._shown is not None and self._shown.mode != COMPARED:
            self.close()
            return False
        self._ask()
        if self.is_open:
            self._part.workspace.say(self.words)
        return self.is_open

    def flip(self) -> None:
        """From aligned to raw, or back."""
        self._is_after = not self._is_after
        self._draw()
        self._part.workspace.say(self.words)

    def close(self) -> None:
        """Take the images out of view; the frames are shown where nothing else is."""
        self._box.choose(OFF)

    def let_go(self) -> None:
        """The panel is closed."""
        self._timer.stop()
        self._newest.abandon()

    # -- inside --------------------------------------------------------------------------------

    def _on_changed(self) -> None:
        self._timer.stop()
        if self._box.way == OFF:
            self._end()
            return
        self._part.trial.close()
        if self._box.way == FLICKER:
            self._timer.start()
        self._ask()
        if self._found is not None and self._shown is not None:
            self._show(self._shown)

    def _end(self) -> None:
        shown, self._shown, self._found, self._asked = self._shown, None, None, None
        self._newest.forget()
        if shown is not None:
            if shown.mode == COMPARED:
                shown.look_at(ALIGNED)
            self._fit(shown, beside=False)
        self._part.workspace.look()

    def _ask(self) -> None:
        shown = self._part.shown
        position = None if shown is None else shown.position()
        if shown is None or shown.alignment is None or position is None:
            return
        asked = asked_at(shown.alignment, shown.grid, position, self._box.spin.value())
        if asked is None or asked.is_like(self._asked):
            return
        self._asked = asked
        self._newest.ask(partial(comparing, asked))

    def _on_answer(self, found: ComparedFrames) -> None:
        shown = self._part.shown
        if self._box.way == OFF or shown is None or found.asked.alignment is not shown.alignment:
            return
        self._found = found
        if self._shown is None:
            flatten(self._part.viewer)
            self._show(shown)
        else:
            self._draw()
        self._part.workspace.look()

    def _show(self, shown: StackLayers) -> None:
        """Show the layers that the chosen way has."""
        self._shown = shown
        self._draw()
        shown.look_at_compared(self._layers(shown), masks=self._box.way != BESIDE)
        self._fit(shown, beside=self._box.way == BESIDE)
        self._part.workspace.look()

    def _draw(self) -> None:
        found, shown, way = self._found, self._shown, self._box.way
        if found is None or shown is None:
            return
        if way == DIFFERENCE:
            (layer,) = self._layers(shown)
            rows, columns = np.minimum(found.before.shape, found.after.shape)
            parts = [each[:rows, :columns] for each in (found.before, found.after)]
            layer.data = np.nan_to_num(parts[1] - parts[0])
            return
        images = [found.before, found.after]
        if way == FLICKER:
            images = [images[self._is_after]]
        for layer, image in zip(self._layers(shown), images, strict=True):
            layer.data = np.nan_to_num(image, nan=layer.contrast_limits[0])

    def _layers(self, shown: StackLayers) -> Sequence[Image]:
        """The layers of the chosen way, which are made where they aren't there yet."""
        way = self._box.way
        if way == DIFFERENCE:
            return [self._layer(shown, "difference")]
        one = self._layer(shown, "raw" if way != FLICKER else "flicker")
        if way == FLICKER:
            return [one]
        two = self._layer(shown, "beside raw")
        columns = one.data.shape[1] if way == BESIDE else 0
        two.translate = (0, (1 + GAP) * columns * one.scale[1])
        for layer, colour in zip((one, two), ("magenta", "green"), strict=True):
            layer.colormap = colour if way == COLOURS else "gray"
            layer.blending = "additive" if way == COLOURS and layer is two else "translucent"
        return [one, two]

    def _layer(self, shown: StackLayers, what: str) -> Image:
        name = name_of(shown.stack, f"compared, {what}")
        layer = next((each for each in shown.of_kind(COMPARED) if each.name == name), None)
        if layer is not None:
            return layer
        frames = shown.raw[0 if self._found is None else self._found.asked.channel]
        low, high = frames.contrast_limits
        is_difference = what == "difference"
        layer = Image(
            np.zeros(shown.stack.shape[2:], np.float32),
            name=name,
            contrast_limits=((low - high) / 2, (high - low) / 2) if is_difference else (low, high),
            visible=False,
            **shown.geometry(2),
        )
        shown.add(COMPARED, layer, shown.above_frames())
        if not is_difference:
            shown.viewer.layers.link_layers([frames, layer], ("contrast_limits", "gamma"))
        return layer

    def _fit(self, shown: StackLayers, *, beside: bool) -> None:
        """Fit the camera to two images side by side, and go back to what was seen before."""
        view = camera(self._part.viewer)
        if beside and self._camera is None:
            self._camera = (view.center, view.zoom)
            fit_view(self._part.viewer, list(self._layers(shown)))
        elif not beside and self._camera is not None:
            view.center, view.zoom = self._camera
            self._camera = None
