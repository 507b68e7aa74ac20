"""ROIs stay on their cells when the reference changes: they are carried to the new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from weakref import WeakKeyDictionary

from qtpy.QtCore import QObject, QTimer, Signal

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.same_frames import share_frames
from napari_zstack_align.cells import Rois
from napari_zstack_align.cells.carry import carry_rois
from napari_zstack_align.cells.made_on import made_on
from napari_zstack_align.gui.cells.newest import Newest
from napari_zstack_align.gui.cells.roi_model import RoiModel
from napari_zstack_align.gui.workspace import Workspace
from napari_zstack_align.progress import Job, Progress

Aligned = tuple[Alignment, ...]
"""Alignments that share one reference: of a session, or of one stack."""
MOST_KNOWN = 8
"""References of before that ROIs are still carried from."""
AGAIN_AFTER_MS = 300
"""While something runs, alignments come and go; the carrier looks again so much later."""
CARRIED = "The reference has changed. {}"
LEFT = (
    "The ROIs lie on a reference that nothing shown here is aligned to: on these frames, their "
    "circles may lie beside the cells."
)
BACK = "The reference is the one of before again: the ROIs are back where they were on it."


@dataclass(frozen=True, eq=False)
class Placed:
    """Where ROIs lie on the references there are now.

    Attributes
    ----------
    asked : Rois
        The ROIs that it is about.
    rois : Rois
        The same on the reference there is now.
    marks : dict of str to tuple of Alignment
        The references there are now.
    words : str
        What was done; '' for nothing.
    to_check : bool
        Whether some are to be looked at.
    """

    asked: Rois
    rois: Rois
    marks: dict[str, Aligned]
    words: str = ""
    to_check: bool = False


class RoiCarrier(QObject):
    """Carries the ROIs of a model to the reference that is shown now; main thread only.

    Whatever changes the reference (another run, a recording that is removed, a session that is
    opened), the ROIs go through the raw frames that both references know, in a worker. Those of
    before are kept: where their reference comes back, so do they.

    Parameters
    ----------
    workspace : Workspace
        Whose alignments are looked at.
    model : RoiModel
        The ROIs.
    running : callable
        Whether a run is on its way, whose alignments are not final.
    parent : QObject
        Its owner.
    """

    said = Signal(str, bool)
    """A sentence on what was done, and whether there is something to check."""
    failed = Signal(str)
    """Why the ROIs stay where they were."""

    def __init__(
        self,
        workspace: Workspace,
        model: RoiModel,
        running: Callable[[], bool],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._model = model
        self._running = running
        self._now: dict[str, Aligned] = {}
        self._known: dict[str, Aligned] = {}
        self._before: list[tuple[Rois, Rois]] = []
        self._words = ""
        self._newest = Newest(self)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(AGAIN_AFTER_MS)
        self._later.timeout.connect(self.look)
        self._newest.answered.connect(self._on_placed)
        self._newest.failed.connect(self.failed)
        workspace.alignments_changed.connect(self.look)
        model.changed.connect(self._on_rois)

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
        return self._newest.busy or self._later.isActive()

    def look(self) -> None:
        """See, in a worker, whether the ROIs lie on a reference that is there no more."""
        if self._running():
            self._later.start()
            return
        rois = self._model.rois
        before = next((old for old, new in self._before if new is rois), None)
        self._newest.ask(
            partial(placing, rois, before, self._shown(), self._known, last_of(self._now))
        )

    def abandon(self) -> None:
        """Stop, without a word."""
        self._later.stop()
        self._newest.abandon()

    # -- inside --------------------------------------------------------------------------------

    def _shown(self) -> list[Aligned]:
        """Alignments there are now, that of the recordings first."""
        stacks = [each.alignment for each in self._workspace.stacks]
        found = [tuple(self._workspace.session.alignments)]
        found += [(alignment,) for alignment in stacks if alignment is not None]
        return [each for each in found if each]

    def _on_rois(self) -> None:
        """Undo may bring back ROIs of a reference of before."""
        mark = self._model.rois.made_on
        if mark is not None and mark not in self._now and mark in self._known:
            self.look()

    def _on_placed(self, placed: Placed) -> None:
        self._now = placed.marks or self._now  # while none is there, the last one counts
        self._known = dict([*{**self._known, **placed.marks}.items()][-MOST_KNOWN:])
        if placed.asked is not self._model.rois:
            self.look()
            return
        if placed.rois is not placed.asked:
            self._before.append((placed.asked, placed.rois))
            del self._before[:-MOST_KNOWN]
            self._model.put(placed.rois)
        elif placed.words == self._words:
            return  # said already
        self._words = placed.words
        if placed.words:
            self.said.emit(placed.words, placed.to_check)


def placing(
    rois: Rois,
    before: Rois | None,
    shown: Sequence[Aligned],
    known: Mapping[str, Aligned],
    last: str | None,
) -> Job[Placed]:
    """Carry ROIs whose reference isn't shown any more to the one of the same frames that is.

    Parameters
    ----------
    rois : Rois
        ROIs that know no reference lie on the ``last`` one: there they were seen.
    before : Rois, optional
        What they were carried from.
    shown : sequence of tuple of Alignment
        What there is now.
    known : mapping of str to tuple of Alignment
        What there was before, by the marks of the references.
    last : str, optional
        Mark of the reference that was shown last.
    """
    yield Progress("Looking for the ROIs", 0, 1)
    marks = {_mark(each[0]): _on_first_reference(each) for each in shown}
    mark = rois.made_on or last
    if not len(rois) or mark is None or mark in marks or mark not in known:
        return Placed(rois, rois, marks)
    if before is not None and (before.made_on or last) in marks:
        return Placed(rois, before, marks, BACK)
    new = next((each for each in marks.values() if share_frames(known[mark], each)), None)
    if new is None:
        return Placed(rois, rois, marks, LEFT if marks else "", to_check=True)
    yield Progress("Carrying the ROIs", 0, 1)
    carried = carry_rois(replace(rois, made_on=mark), known[mark], new)
    words = CARRIED.format(" ".join(carried.summary().splitlines()))
    return Placed(rois, carried.rois, marks, words, bool(len(carried.to_check)))


def last_of(marks: Mapping[str, Aligned]) -> str | None:
    """The first of the references shown: that of the recordings, where there are some."""
    return next(iter(marks), None)


def _on_first_reference(alignments: Aligned) -> Aligned:
    """Those in the coordinates of the first: transforms from a file may have brought others."""
    return tuple(each for each in alignments if _mark(each) == _mark(alignments[0]))


_marks: WeakKeyDictionary[Alignment, str] = WeakKeyDictionary()


def _mark(alignment: Alignment) -> str:
    """Of its reference; worked out once, for a volume takes a moment."""
    if alignment not in _marks:
        _marks[alignment] = made_on(alignment) or ""
    return _marks[alignment]
