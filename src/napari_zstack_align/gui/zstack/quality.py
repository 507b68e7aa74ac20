"""`Quality`: the dock about the alignment that is shown, and what a worker makes for it."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.gui.dock_below import hide_below, show_below, take_away
from napari_zstack_align.gui.into_view import keep_whole
from napari_zstack_align.gui.newest import Newest
from napari_zstack_align.gui.zstack.quality_dock import QualityDock
from napari_zstack_align.gui.zstack.quality_pictures import QualityPictures, quality_pictures
from napari_zstack_align.progress import Job

if TYPE_CHECKING:
    from napari_zstack_align.gui.zstack.part import ZStackPart

DOCK = "Alignment quality"


class Quality:
    """Shows and hides the dock below the image. Main thread only.

    Parameters
    ----------
    part : ZStackPart
        Of whose chosen stack the quality is shown.
    """

    def __init__(self, part: ZStackPart) -> None:
        self._viewer = part.viewer
        self.dock = QualityDock()
        self.dock.set_theme(self._viewer.theme)
        self._alignment: Alignment | None = None
        self._made: WeakKeyDictionary[Alignment, QualityPictures] = WeakKeyDictionary()
        self._is_made = False
        self._newest = Newest(part)
        self._newest.answered.connect(self._on_made)
        self._newest.failed.connect(self.dock.words.setText)

    @property
    def is_open(self) -> bool:
        """Whether the dock is there, if perhaps behind another one."""
        return self.dock.parent() is not None and not self.dock.parent().isHidden()

    def toggle(self) -> None:
        """Close the dock, or open it again."""
        if self.is_open:
            take_away(self._viewer, self.dock)
        else:
            self._open()

    def show_alignment(self, alignment: Alignment, *, grows: bool) -> None:
        """Show the quality of an alignment; sections and means once it ``grows`` no more."""
        stack = alignment.stack
        period = stack.most_repeats if stack.order == "repeats" else None
        self.dock.plot.show_quality(alignment.quality, period)
        if not self._was_closed:
            self._open()
        if alignment is self._alignment:
            return
        self._alignment = None if grows else alignment
        made = self._made.get(alignment)
        self.dock.show_pictures(made)
        if made is None and not grows:
            self._newest.ask(partial(_making, alignment))

    def hide(self) -> None:
        """Hide the dock while other tabs are in front."""
        hide_below(self.dock)

    def let_go(self) -> None:
        """Stop the worker, and take the dock away."""
        self._newest.abandon()
        self.dock.flicker_button.setChecked(False)
        with contextlib.suppress(LookupError, RuntimeError, AttributeError):
            # of a window that is being closed, parts are gone already
            take_away(self._viewer, self.dock)

    @property
    def _was_closed(self) -> bool:
        """Whether a person has closed it, with its × or the button: it stays so."""
        return self._is_made and self.dock.parent() is None

    def _open(self) -> None:
        if self.is_open:
            return
        self._is_made = True
        keep_whole(self._viewer)
        show_below(self._viewer, self.dock, DOCK, tabify=True)
        self.dock.show()

    def _on_made(self, made: tuple[Alignment, QualityPictures]) -> None:
        alignment, pictures = made
        self._made[alignment] = pictures
        if alignment is self._alignment:
            self.dock.show_pictures(pictures)


def _making(alignment: Alignment) -> Job[tuple[Alignment, QualityPictures]]:
    return alignment, (yield from quality_pictures(alignment))
