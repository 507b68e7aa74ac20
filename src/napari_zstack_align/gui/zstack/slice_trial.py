"""Before the run: the slice in view aligned alone, with the alpha of the form or with five."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from qtpy.QtCore import QTimer

from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.masks import pixels_of
from napari_zstack_align.gui.stack_layers import StackLayers
from napari_zstack_align.gui.zstack.slice_preview import SlicePreview
from napari_zstack_align.gui.zstack.trial_box import MOST_REPEATS
from napari_zstack_align.gui.zstack.tried_slice import Basis, TriedSlice, trying
from napari_zstack_align.register.tried_alphas import ALPHAS, try_alphas

if TYPE_CHECKING:
    from napari_zstack_align.gui.zstack.part import ZStackPart

Returned: TypeAlias = Callable[[StackLayers, TriedSlice], object]

FLICKER_MS = 600
NO_STACK = "There is no stack yet: load one on the Load tab."
UNUSABLE = "the mask or a parameter"
CANCELLED = "Cancelled; nothing was changed."


class SliceTrial:
    """What the box 'Before you run' does; nothing of it is kept.

    Parameters
    ----------
    part : ZStackPart
        Whose chosen stack, mask and parameters are tried.

    Attributes
    ----------
    alphas : TriedSlice, optional
        The alphas in the strip.
    preview : SlicePreview
        What is shown in the viewer.
    """

    def __init__(self, part: ZStackPart) -> None:
        self._part = part
        self._bar = part.align_tab.run_bar
        self._box = part.align_tab.trial_box
        self.alphas: TriedSlice | None = None
        self.preview = SlicePreview(part.viewer)
        self._previewed: tuple[StackLayers, TriedSlice, int] | None = None
        self._timer = QTimer(part)
        self._timer.setInterval(FLICKER_MS)
        self._timer.timeout.connect(self.flip)
        self._box.clicked_on.connect(self.do)
        self._box.strip.chosen.connect(self.take)

    def do(self, name: str) -> None:
        """Do what a button of the box says."""
        actions = {
            "preview": self._preview_slice,
            "alphas": self._try_alphas,
            "flip": self.flip,
            "flicker": self._flicker,
            "arrows": self._show_arrows,
            "close": self.close,
        }
        actions[name]()

    def take(self, k: int) -> None:
        """Take an alpha of the strip into the form, and show the slice aligned with it."""
        tried, shown = self.alphas, self._part.shown
        if tried is None:
            return
        self._part.align_tab.form.fields["alpha"].set(tried.found.tried[k].alpha)
        if shown is not None and shown.stack.source is tried.basis.stack.source:
            self._show(shown, tried, k)
        self.look()

    def flip(self) -> None:
        """Show the slice before instead of after the alignment, or the other way round."""
        self.preview.flip()
        self._part.workspace.look()

    def close(self) -> None:
        """Take the preview out of the viewer."""
        if self._previewed is None:
            return
        self._previewed = None
        self._timer.stop()
        self._box.show_preview(None)
        self.preview.close()
        self._part.workspace.look()

    def make_room(self) -> None:
        """A run begins: its result is looked at now."""
        self.close()
        self._box.fold_button.setChecked(False)

    def look(self, _: Any = None) -> None:
        """See whether what was tried is still what would come of it, and say what is not."""
        if self.alphas is None and self._previewed is None:
            return
        if self._part.shown is None:
            self.forget()
            return
        if self._previewed is not None and self._previewed[0] is not self._part.shown:
            self.close()
        now = self._now(self._part.shown)
        if now is None:
            self._mark_all(UNUSABLE)
            return
        if self.alphas is not None:
            values = [each.alpha for each in self.alphas.found.tried]
            taken = values.index(now.params.alpha) if now.params.alpha in values else None
            self._box.mark(self.alphas.basis.what_differs(now, but_alpha=True), taken)
        if self._previewed is not None:
            _, tried, k = self._previewed
            made = tried.basis.with_alpha(tried.found.tried[k].alpha)
            self._box.mark_preview(made.what_differs(now))

    def follow(self) -> bool:
        """Keep the label and the arrows with the sliders; whether the preview is open."""
        if self._previewed is None:
            return False
        self.preview.follow(self._previewed[0])
        self._part.workspace.say(self.preview.words)
        return True

    def on_removed(self, layer: Any) -> None:
        """A layer was removed from the viewer; without its image the preview is closed."""
        if layer in self.preview.layers():
            self.preview.forget(layer)
        if not self.preview.is_open:
            self.close()

    def forget(self) -> None:
        """Nothing is tried any more."""
        self.close()
        self.alphas = None
        self._box.show_tried(None)

    def let_go(self) -> None:
        """The panel is closed."""
        self._timer.stop()

    # -- inside --------------------------------------------------------------------------------

    def _preview_slice(self) -> None:
        basis = self._given()
        if basis is not None:
            self._start(basis, [basis.params.alpha], self._on_previewed)

    def _try_alphas(self) -> None:
        basis = self._given()
        if basis is not None:
            self.alphas = None
            self._box.show_tried(None)
            self._start(basis, ALPHAS, self._on_tried)

    def _given(self) -> Basis | None:
        """What the panel holds now; None where something is missing, which is said."""
        if not self._part.load_tab.apply():
            self._bar.say("Nothing was started: see the Load tab.")
            return None
        if self._part.shown is None:
            self._bar.say_error(NO_STACK)
            return None
        try:
            return self._basis(self._part.shown)
        except InputError as error:
            self._bar.say_error(str(error))
            return None

    def _now(self, shown: StackLayers) -> Basis | None:
        """What the panel holds now; None where that can't be used."""
        try:
            return self._basis(shown)
        except InputError:
            return None

    def _basis(self, shown: StackLayers) -> Basis:
        layer = self._part.align_tab.mask_combo.layer
        mask = None if layer is None else pixels_of(layer)
        return Basis(shown.stack, self._part.align_tab.form.values(), mask)

    def _start(self, basis: Basis, alphas: Sequence[float], returned: Returned) -> None:
        """Align the slice in view in the worker."""
        shown = self._part.shown
        position = None if shown is None else shown.position()
        z = position[-1] if position is not None else None
        try:
            job = try_alphas(
                basis.stack,
                basis.params,
                basis.mask,
                slice_index=z,
                alphas=alphas,
                most_repeats=MOST_REPEATS,
            )
        except InputError as error:
            self._bar.say_error(str(error))
            return
        self._bar.start(
            partial(trying, basis, lambda: job, alphas),
            returned=partial(self._on_returned, shown, returned),
            cancelled=self._on_cancelled,
        )

    def _on_returned(
        self, shown: StackLayers | None, returned: Returned, tried: TriedSlice
    ) -> None:
        if shown is not None and shown is self._part.shown:  # else it was removed meanwhile
            returned(shown, tried)
            self.look()

    def _on_previewed(self, shown: StackLayers, tried: TriedSlice) -> None:
        self._show(shown, tried, 0)

    def _on_tried(self, _: StackLayers, tried: TriedSlice) -> None:
        self.alphas = tried
        self._box.show_tried(tried)

    def _on_cancelled(self, tried: TriedSlice | None) -> None:
        """Show the alphas that were tried before; none of them is suggested."""
        if tried is None or len(tried.columns) < 2:
            self._bar.say(CANCELLED)
        else:
            self._on_returned(self._part.shown, self._on_tried, tried)

    def _show(self, shown: StackLayers, tried: TriedSlice, k: int) -> None:
        self._part.comparison.close()
        self._previewed = shown, tried, k
        self.preview.show_slice(shown, tried, k)
        self._box.show_preview(tried, k)
        self._part.workspace.look()

    def _flicker(self) -> None:
        if self._box.buttons["flicker"].isChecked():
            self._timer.start()
        else:
            self._timer.stop()

    def _show_arrows(self) -> None:
        if self._previewed is not None:
            self.preview.show_arrows(self._previewed[0], self._box.buttons["arrows"].isChecked())

    def _mark_all(self, what_differs: str) -> None:
        if self.alphas is not None:
            self._box.mark(what_differs, None)
        if self._previewed is not None:
            self._box.mark_preview(what_differs)
