"""`RoiModel`: the ROIs there are now, with undo; layers and tables follow it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy.typing as npt
from qtpy.QtCore import QObject, Signal

from napari_zstack_align.cells import Rois

MAX_UNDO = 200
MIN_RADIUS_PX = 0.5


class RoiModel(QObject):
    """Holds the current `Rois`, which are immutable, and those of before; main thread only.

    Whoever shows ROIs listens to ``changed`` and reads ``rois``; whoever changes them calls a
    method here. A change that leads nowhere (an unknown id, no radius) raises InputError and
    changes nothing.

    Parameters
    ----------
    parent : QObject, optional
        Its owner.
    """

    edited = Signal(object, object)
    """`Rois` before and after a change by hand, which ``changed`` follows."""
    changed = Signal()
    """``rois`` is another object."""
    selection_changed = Signal()
    """``selected`` is another tuple of ids."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rois = Rois.of(())
        self._before: list[Rois] = []
        self._after: list[Rois] = []
        self._selected: tuple[int, ...] = ()

    # -- what is there -------------------------------------------------------------------------

    @property
    def rois(self) -> Rois:
        """The ROIs there are now, in reference coordinates."""
        return self._rois

    @property
    def selected(self) -> tuple[int, ...]:
        """Ids that are selected, in the order of the ROIs."""
        return self._selected

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return bool(self._before)

    @property
    def can_redo(self) -> bool:
        """Whether something undone can be done again."""
        return bool(self._after)

    # -- changing ------------------------------------------------------------------------------

    def set(self, rois: Rois) -> None:
        """Replace all ROIs; can be undone."""
        self._before.append(self._rois)
        del self._before[:-MAX_UNDO]
        self._after.clear()
        self._show(rois)

    def begin(self, rois: Rois) -> None:
        """Begin with these ROIs: there is nothing to undo."""
        self._before.clear()
        self._after.clear()
        self._show(rois)

    def put(self, rois: Rois) -> None:
        """Replace the ROIs by the same ones in other coordinates: no step of undo."""
        self._show(rois)

    def add(self, circle: npt.ArrayLike, slices: tuple[int, int] | None = None) -> int:
        """Add a circle (y, x, radius) by hand, and return its id."""
        self._edit(self._rois.added(circle, slices))
        return int(self._rois.ids[-1])

    def move(self, roi_id: int, circle: npt.ArrayLike) -> None:
        """Give one ROI another place (y, x) or circle (y, x, radius)."""
        self._edit(self._rois.moved(roi_id, circle))

    def move_many(self, circles: dict[int, npt.ArrayLike]) -> None:
        """Give several ROIs, by id, another place or circle: one step of undo."""
        rois = self._rois
        for roi_id, circle in circles.items():
            rois = rois.moved(roi_id, circle)
        self._edit(rois)

    def resize(self, roi_ids: Iterable[int], factor: float = 1.0, step: float = 0.0) -> None:
        """Multiply the radius of some ROIs by ``factor``, then add ``step`` px."""
        circles: dict[int, npt.ArrayLike] = {}
        for roi_id in roi_ids:
            y, x, radius = self._rois.circle(roi_id)
            circles[roi_id] = (y, x, max(radius * factor + step, MIN_RADIUS_PX))
        self.move_many(circles)

    def delete(self, roi_ids: Iterable[int]) -> None:
        """Take some ROIs away; their ids aren't given again."""
        self._edit(self._rois.without(list(roi_ids)))

    def undo(self) -> None:
        """Go back to the ROIs before the last change."""
        if self._before:
            self._after.append(self._rois)
            self._show(self._before.pop())

    def redo(self) -> None:
        """Do again what was undone last."""
        if self._after:
            self._before.append(self._rois)
            self._show(self._after.pop())

    def _edit(self, rois: Rois) -> None:
        self.edited.emit(self._rois, rois)
        self.set(rois)

    # -- selecting -----------------------------------------------------------------------------

    def select(self, roi_ids: Iterable[int]) -> None:
        """Select these ROIs and no others; ids that aren't there are left out."""
        selected = self._known(roi_ids)
        if selected != self._selected:
            self._selected = selected
            self.selection_changed.emit()

    def _show(self, rois: Rois) -> None:
        """Whoever hears of the change finds no id selected that has gone."""
        before = self._selected
        self._rois = rois
        self._selected = self._known(before)
        self.changed.emit()
        if self._selected != before:
            self.selection_changed.emit()

    def _known(self, roi_ids: Iterable[int]) -> tuple[int, ...]:
        wanted = set(roi_ids)
        return tuple(int(i) for i in self._rois.ids if int(i) in wanted)
