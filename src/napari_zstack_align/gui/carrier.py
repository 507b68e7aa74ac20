"""ROIs and masks stay on the tissue when the reference changes: they are carried to the new one."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from secrets import token_hex
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from napari.layers import Labels
from qtpy.QtCore import QObject, QTimer, Signal

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.carry_mask import CarriedMask, carry_mask
from napari_zstack_align.alignment.same_frames import share_frames
from napari_zstack_align.cells import Rois
from napari_zstack_align.cells.carry import carry_rois
from napari_zstack_align.cells.made_on import REFERENCE, made_on
from napari_zstack_align.cells.rois import CHECK
from napari_zstack_align.gui.cells.roi_model import RoiModel
from napari_zstack_align.gui.masks import FAMILY, MADE_ON, mask_layers
from napari_zstack_align.gui.newest import Newest
from napari_zstack_align.gui.workspace import Workspace
from napari_zstack_align.progress import Job, Progress

Aligned = tuple[Alignment, ...]
"""Alignments that share one reference: of a session, or of one stack."""
MOST_KNOWN = 8
"""References of before that ROIs and masks are still carried from."""
AGAIN_AFTER_MS = 300
"""While something runs, alignments come and go; the carrier looks again so much later."""
CARRIED = "The reference has changed. {}"
MASK_CARRIED = "'{}' lies on the new reference as '{}'. {}"
LEFT = (
    "The ROIs lie on a reference that nothing shown here is aligned to: on these frames, their "
    "circles may lie beside the cells."
)
BACK = "The reference is the one of before again: the ROIs are back where they were on it."


@dataclass(frozen=True, eq=False)
class Painted:
    """What a mask is now: the worker looks at nothing that the person may change meanwhile.

    Attributes
    ----------
    layer : Labels
        Whose it is.
    mask : numpy.ndarray
        (Y, X) what is painted.
    mark : str
        Of the reference that it lies on.
    family : object
        Shared with the same mask on other references.
    """

    layer: Labels
    mask: npt.NDArray[np.integer]
    mark: str
    family: object


@dataclass(frozen=True, eq=False)
class Lying:
    """On what ROIs lie; all on one reference, but while they are being carried.

    Attributes
    ----------
    mark : str, optional
        Of the reference; None where it isn't known.
    drawn : dict of int to Alignment
        What was in view when a ROI was drawn or moved by hand since the reference has changed, by
        its id: it lies there.
    """

    mark: str | None
    drawn: dict[int, Alignment] = field(default_factory=dict)


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
    lay_on : str, optional
        Mark of the reference on which the asked ones lie.
    masks : tuple of (Labels, str, CarriedMask)
        Masks that were carried, to the reference of which mark, and what has become of them.
    there : tuple of (Labels, Labels)
        Masks whose reference is shown no more, and the same on one that is.
    """

    asked: Rois
    rois: Rois
    marks: dict[str, Aligned]
    words: str = ""
    to_check: bool = False
    lay_on: str | None = None
    masks: tuple[tuple[Labels, str, CarriedMask], ...] = ()
    there: tuple[tuple[Labels, Labels], ...] = ()


class Carrier(QObject):
    """Carries ROIs and masks to the reference that is shown now; main thread only.

    Whatever changes the reference (another run, a recording that is removed, a session that is
    opened), they go through the raw frames that both references know, in a worker. Those of before
    are kept: where their reference comes back, so do the ROIs, and the layers of the masks.

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
    settled = Signal()
    """ROIs and masks lie where they are to stay: no answer is to come."""
    mask_carried = Signal(object, object)
    """The layer of a mask, and that of the same on the new reference."""

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
        self._before: list[tuple[Rois, Rois, str | None]] = []
        """ROIs, the same on another reference, and the mark of that which the first lie on."""
        self._lying: WeakKeyDictionary[Rois, Lying] = WeakKeyDictionary()
        """On what the ROIs lie, and those that undo and redo may bring back."""
        self._words = ""
        self._newest = Newest(self)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(AGAIN_AFTER_MS)
        self._later.timeout.connect(self.look)
        self._newest.answered.connect(self._on_placed)
        self._newest.failed.connect(self.failed)
        self._newest.busy_changed.connect(self._on_busy)
        workspace.alignments_changed.connect(self.look)
        model.edited.connect(self._on_edited)
        model.changed.connect(self._on_rois)

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
        return self._newest.busy or self.waits_for_run

    @property
    def waits_for_run(self) -> bool:
        """Whether it looks again once no alignments are being made."""
        return self._later.isActive()

    def lies_on(self, alignments: Iterable[Alignment | None]) -> bool:
        """Whether the ROIs are known to lie on the reference of some alignments."""
        lying = self._lying_of(self._model.rois)
        return not lying.drawn and all(
            each is None or _marks.get(each) == lying.mark for each in alignments
        )

    def look(self) -> None:
        """See, in a worker, whether the ROIs lie on a reference that is there no more."""
        if self._running():
            self._later.start()
            return
        rois = self._model.rois
        self._newest.ask(
            partial(
                placing,
                rois,
                self._lying_of(rois),
                self._versions(rois),
                self._shown(),
                self._known,
                last_of(self._now),
                self._masks(),
            )
        )

    def forget(self) -> None:
        """Another project is open: references of before are of no concern."""
        self._newest.forget()
        self._now, self._known, self._before, self._words = {}, {}, [], ""
        self._lying.clear()

    def abandon(self) -> None:
        """Stop, without a word."""
        self._later.stop()
        self._newest.abandon()

    # -- inside --------------------------------------------------------------------------------

    def _versions(self, rois: Rois) -> list[tuple[Rois, str]]:
        """What these ROIs were on references of before, and the marks of those."""
        found: list[tuple[Rois, str]] = []
        known = {id(rois)}
        for old, new, mark in reversed(self._before):
            if id(new) in known and id(old) not in known and mark is not None:
                known.add(id(old))
                found.append((old, mark))
        return found

    def _shown(self) -> list[Aligned]:
        """Alignments there are now, that of the recordings first."""
        stacks = [each.alignment for each in self._workspace.stacks]
        found = [tuple(self._workspace.session.alignments)]
        found += [(alignment,) for alignment in stacks if alignment is not None]
        return [each for each in found if each]

    def _masks(self) -> list[Painted]:
        """Masks that know their reference, as they are now."""
        found: dict[tuple[object, str], Painted] = {}
        for layer in mask_layers(self._workspace.viewer.layers):
            mark, family = layer.metadata.get(MADE_ON), layer.metadata.get(FAMILY, id(layer))
            if not mark:
                continue
            if (family, mark) in found:  # a copy that the person made is a mask of its own
                family = token_hex(4)
                layer.metadata = {**layer.metadata, FAMILY: family}
            found[family, mark] = Painted(layer, np.array(layer.data), mark, family)
        return list(found.values())

    def _on_busy(self, _: bool) -> None:
        if not self.busy:
            self.settled.emit()

    def _lying_of(self, rois: Rois) -> Lying:
        """On what some ROIs lie; those that know no reference, on the one that is shown."""
        known = self._lying.get(rois)
        if known is not None and known.mark is not None:
            return known
        mark = rois.made_on or last_of(self._now)
        self._lying[rois] = Lying(mark) if known is None else replace(known, mark=mark)
        return self._lying[rois]

    def _on_edited(self, before: Rois, after: Rois) -> None:
        """What is drawn while the others wait to be carried lies on what is in view."""
        lying, view = self._lying_of(before), self._workspace.in_view
        self._lying[after] = lying
        if self.busy and view is not None and view.alignment is not None:
            drawn = dict.fromkeys(_placed_anew(before, after), view.alignment)
            self._lying[after] = replace(lying, drawn={**lying.drawn, **drawn})

    def _on_rois(self) -> None:
        """Undo may bring back ROIs of a reference of before, and a file those of any other."""
        mark = self._lying_of(self._model.rois).mark or ""
        if self._now and mark.startswith(REFERENCE) and mark not in self._now:
            self.look()

    def _on_placed(self, placed: Placed) -> None:
        for rois, lying in list(self._lying.items()):
            if lying.mark is None:  # where none was shown before, they lay on this one
                self._lying[rois] = replace(lying, mark=placed.lay_on)
        self._now = placed.marks or self._now  # while none is there, the last one counts
        self._known = dict([*{**self._known, **placed.marks}.items()][-MOST_KNOWN:])
        for layer, mark, carried in placed.masks:
            self._add_mask(layer, mark, carried)
        for layer, there in placed.there:
            self._show_mask(layer, there)
        if placed.asked is not self._model.rois:
            self.look()
            return
        if placed.rois is not placed.asked:
            self._before.append((placed.asked, placed.rois, placed.lay_on))
            del self._before[:-MOST_KNOWN]
            self._model.put(placed.rois)
        elif placed.words == self._words:
            return  # said already
        self._words = placed.words
        if placed.words:
            self.said.emit(placed.words, placed.to_check)

    def _add_mask(self, old: Labels, mark: str, carried: CarriedMask) -> None:
        """Add a mask that was carried, and hide the one that it comes from."""
        viewer = self._workspace.viewer
        if old not in viewer.layers:
            return  # removed meanwhile
        old.metadata.setdefault(FAMILY, token_hex(4))
        there = self._of_family(old.metadata[FAMILY], mark)
        if there is not None:  # an answer that was asked for before it came
            self._show_mask(old, there)
            return
        new = Labels(
            carried.mask,
            name=f"{old.name}, carried",
            opacity=old.opacity,
            visible=False,
            metadata={**old.metadata, MADE_ON: mark},
            scale=old.scale,
            units=old.units,
            axis_labels=old.axis_labels,
        )
        viewer.add_layer(new)
        self._show_mask(old, new)
        summary = " ".join(carried.summary().splitlines())
        self.said.emit(MASK_CARRIED.format(old.name, new.name, summary), bool(carried.remarks))

    def _of_family(self, family: str, mark: str) -> Labels | None:
        """The layer of a mask on the reference of a mark."""
        layers = mask_layers(self._workspace.viewer.layers)
        own = (each for each in layers if each.metadata.get(FAMILY) == family)
        return next((each for each in own if each.metadata.get(MADE_ON) == mark), None)

    def _show_mask(self, old: Labels, new: Labels) -> None:
        """Show the same mask on another reference, where the one of before was seen."""
        layers = self._workspace.viewer.layers
        if old not in layers or new not in layers:
            return  # removed meanwhile
        if old.visible:
            new.visible, old.visible = True, False
        self.mask_carried.emit(old, new)


def placing(
    rois: Rois,
    lying: Lying,
    before: Sequence[tuple[Rois, str]],
    shown: Sequence[Aligned],
    known: Mapping[str, Aligned],
    last: str | None,
    masks: Sequence[Painted] = (),
) -> Job[Placed]:
    """Carry what lies on a reference that isn't shown any more to the one of the same frames.

    Parameters
    ----------
    rois : Rois
        They aren't changed.
    lying : Lying
        On what they lie.
    before : sequence of (Rois, str)
        What they were on references of before, and the marks of those.
    shown : sequence of tuple of Alignment
        What there is now.
    known : mapping of str to tuple of Alignment
        What there was before, by the marks of the references.
    last : str, optional
        Mark of the reference that was shown last.
    masks : sequence of Painted
        Those that know their reference.
    """
    yield Progress("Looking for ROIs and masks", 0, 1)
    marks = {_mark(each[0]): _on_first_reference(each) for each in shown}
    placed = yield from _placing_rois(rois, lying, before, marks, known)
    carried, there = yield from _placing_masks(masks, marks, known, last)
    return replace(placed, lay_on=lying.mark, masks=tuple(carried), there=tuple(there))


def _placing_rois(
    rois: Rois,
    lying: Lying,
    before: Sequence[tuple[Rois, str]],
    marks: dict[str, Aligned],
    known: Mapping[str, Aligned],
) -> Job[Placed]:
    mark = lying.mark
    if not len(rois) or mark is None or mark in marks:
        return Placed(rois, rois, marks)
    if mark not in known:
        foreign = bool(marks) and mark.startswith(REFERENCE)
        return Placed(rois, rois, marks, LEFT if foreign else "", to_check=True)
    back = next((old for old, lay_on in before if lay_on in marks), None)
    if back is not None:
        return Placed(rois, back, marks, BACK)
    new = next((each for each in marks.values() if share_frames(known[mark], each)), None)
    if new is None:
        return Placed(rois, rois, marks, LEFT if marks else "", to_check=True)
    yield Progress("Carrying the ROIs", 0, 1)
    there = _drawn_on(rois, lying, {_mark(new[0])})
    if there.all():
        return Placed(rois, replace(rois, made_on=_mark(new[0])), marks)
    carried = carry_rois(replace(rois.where(~there), made_on=mark), known[mark], new)
    words = CARRIED.format(" ".join(carried.summary().splitlines()))
    joined = _joined(rois, carried.rois, ~there)
    elsewhere = _drawn_on(rois, lying) & ~_drawn_on(rois, lying, {mark, _mark(new[0])})
    if elsewhere.any():  # on a reference between the two, which was in view for a moment
        joined = joined.with_features(**{CHECK: joined.features[CHECK] | elsewhere})
    return Placed(rois, joined, marks, words, bool(len(carried.to_check) or elsewhere.any()))


def _placed_anew(before: Rois, after: Rois) -> list[int]:
    """Ids of ROIs that are new, or have another centre than before."""
    old = {int(i): tuple(circle[:2]) for i, circle in zip(before.ids, before.circles, strict=True)}
    new = zip(after.ids, after.circles, strict=True)
    return [int(i) for i, circle in new if old.get(int(i)) != tuple(circle[:2])]


def _drawn_on(
    rois: Rois, lying: Lying, marks: Container[str] | None = None
) -> npt.NDArray[np.bool_]:
    """(N,) bool: which ROIs were drawn by hand, on some references or on any."""
    drawn = [lying.drawn.get(int(i)) for i in rois.ids]
    return np.array(
        [each is not None and (marks is None or _mark(each) in marks) for each in drawn], bool
    )


def _joined(rois: Rois, carried: Rois, rows: npt.NDArray[np.bool_]) -> Rois:
    """ROIs in the coordinates of those rows that were carried there; the others lie there."""
    if rows.all():
        return carried
    circles = rois.circles.copy()
    circles[rows] = carried.circles
    features = {}
    for name, values in carried.features.items():
        blank = np.nan if values.dtype.kind == "f" else False
        column = rois.features.get(name, np.full(len(rois), blank))
        features[name] = column.astype(np.result_type(column, values))
        features[name][rows] = values
    return replace(rois, circles=circles, features=features, made_on=carried.made_on)


def _placing_masks(
    masks: Sequence[Painted],
    marks: Mapping[str, Aligned],
    known: Mapping[str, Aligned],
    last: str | None,
) -> Job[tuple[list[tuple[Labels, str, CarriedMask]], list[tuple[Labels, Labels]]]]:
    """Carry each mask once; where it is on the reference already, that layer is to be shown."""
    carried, there = [], []
    for family in _families(masks):
        on = {each.mark: each.layer for each in reversed(family)}
        here = next((layer for mark, layer in on.items() if mark in marks), None)
        if here is not None:
            others = (layer for mark, layer in on.items() if mark not in marks)
            there += [(layer, here) for layer in others]
            continue
        for painted in sorted(family, key=lambda each: each.mark != last):
            old = known.get(painted.mark)
            if old is None or not painted.mask.any():
                continue
            new = next((mark for mark in marks if share_frames(old, marks[mark])), None)
            if new is not None:
                yield Progress("Carrying the masks", 0, 1)
                carried.append((painted.layer, new, carry_mask(painted.mask, old, marks[new])))
                break
    return carried, there


def _families(masks: Sequence[Painted]) -> list[list[Painted]]:
    """Put each mask together with the same on other references."""
    found: dict[object, list[Painted]] = {}
    for painted in masks:
        found.setdefault(painted.family, []).append(painted)
    return list(found.values())


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
