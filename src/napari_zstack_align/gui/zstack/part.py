"""The tabs Load, Mask and Align, and what they do to the viewer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary, ref

from napari.layers import Layer
from napari.utils.notifications import show_info
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_zstack_align.counting import are, counted
from napari_zstack_align.gui.dataset import FrameInView
from napari_zstack_align.gui.jobs import Limits
from napari_zstack_align.gui.layer_combo import LayerCombo
from napari_zstack_align.gui.layer_group import ALIGNED, KEY, RAW, flatten
from napari_zstack_align.gui.listening import Listening
from napari_zstack_align.gui.masks import hand_over, is_of_another, new_mask, newest_of
from napari_zstack_align.gui.part import Part
from napari_zstack_align.gui.project.mask_layers import add_masks, with_mask_layers
from napari_zstack_align.gui.project.opening import Opened, OpenedRun, put_runs
from napari_zstack_align.gui.project.put_back import PutBack, divided, finding, may_be_in
from napari_zstack_align.gui.project.snapshot import with_params, with_runs, with_view
from napari_zstack_align.gui.question import confirmed
from napari_zstack_align.gui.runs import names_of
from napari_zstack_align.gui.runs_box import may_lose
from napari_zstack_align.gui.stack_layers import COMPARED, StackLayers, every_stack, stack_of
from napari_zstack_align.gui.unfinished.found import Setup
from napari_zstack_align.gui.way_out import WayOut
from napari_zstack_align.gui.workspace import Workspace
from napari_zstack_align.gui.zstack.align_run import AlignRun
from napari_zstack_align.gui.zstack.align_tab import AlignTab
from napari_zstack_align.gui.zstack.compare_box import FLICKER
from napari_zstack_align.gui.zstack.comparison import Comparison
from napari_zstack_align.gui.zstack.kept_row import KeptRow, lost_words, mask_words
from napari_zstack_align.gui.zstack.load_tab import LoadTab
from napari_zstack_align.gui.zstack.mask_making import MaskMaking
from napari_zstack_align.gui.zstack.mask_tab import MaskTab
from napari_zstack_align.gui.zstack.quality import Quality
from napari_zstack_align.gui.zstack.result import Result
from napari_zstack_align.gui.zstack.slice_trial import SliceTrial
from napari_zstack_align.gui.zstack.stack_runs import StackRuns
from napari_zstack_align.project import Project
from napari_zstack_align.saved import Kind, identity_of, layout_of
from napari_zstack_align.saved.watched import states_of
from napari_zstack_align.stack import Stack

SHOWN_AGAIN = "{} is shown again, with the runs that were kept of it."
KEPT = "The layers of {} were removed; {} {} kept: 'Show again' brings them back."
MASKS_KEPT = "The {} went with the frames, but {} kept: see 'Show again' on the Load tab."
READ_OTHERWISE = "A run of {} was made with `{}`: '{}' shows these frames with it."
AS_ITS_RUN = "Open as its run had it"
AS_ITS_RUN_TIP = "Read the files as they were read for the run, in place of what is shown"
REMOVED = "The layers of {} were removed."


class ZStackPart(Part):
    """Loads stacks, and aligns the chosen one.

    Parameters
    ----------
    workspace : Workspace
        Whose viewer is used; the chosen stack is its.
    """

    titles = ("Load", "Mask", "Align")
    kinds = (Kind.ALIGNMENT,)
    registers = True

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.workspace = workspace
        self.viewer = workspace.viewer
        self.load_tab = LoadTab(self.viewer)
        self.mask_tab = MaskTab()
        self.align_tab = AlignTab(self.viewer)
        self.stack_combo = LayerCombo(self.viewer, stack_layers)
        self.stack_combo.setToolTip("The stack that all tabs are about")
        self.header = QWidget()
        self.kept_row = KeptRow()
        self.result = Result(self)
        self.runs = StackRuns(self)
        self.run = AlignRun(self)
        self.trial = SliceTrial(self)
        self.comparison = Comparison(self)
        self.mask_making = MaskMaking(self)
        self._listening = Listening()
        self._in_front = False
        self._chosen_for: WeakKeyDictionary[Layer, ref[StackLayers]] = WeakKeyDictionary()
        """For which stack each mask was chosen last."""
        self._lay_out()
        self._connect()

    # -- what the panel asks -------------------------------------------------------------------

    @property
    def tabs(self) -> tuple[QWidget, ...]:
        """The tabs, one for each title."""
        return (self.load_tab, self.mask_tab, self.align_tab)

    @property
    def run_bars(self) -> tuple[Any, ...]:
        """Where jobs may run."""
        return (self.load_tab.run_bar, self.mask_tab.box.run_bar, self.align_tab.run_bar)

    @property
    def kept_bars(self) -> tuple[Any, ...]:
        """Where a run goes on that the next start of napari can go on with."""
        is_kept = self.run.kept is not None and self.run.kept.is_kept
        return (self.align_tab.run_bar,) if is_kept else ()

    @property
    def combos(self) -> tuple[Any, ...]:
        """Choices that follow the viewer's layers."""
        return (self.stack_combo, self.align_tab.mask_combo, self.load_tab.layer_combo)

    @property
    def above(self) -> QWidget:
        """The choice of the stack."""
        return self.header

    @cached_property
    def quality(self) -> Quality:
        """The dock about the quality of the chosen stack; made for the first alignment."""
        quality = Quality(self)
        quality.dock.frame_clicked.connect(self._on_frame_clicked)
        return quality

    @property
    def has_quality(self) -> bool:
        """Whether the dock was made."""
        return "quality" in vars(self)

    def make_quality(self) -> Quality:
        """Make the dock while a run begins: with the first result, it would hold that up."""
        return self.quality

    def show_tab(self, tab: QWidget) -> None:
        """The plot is about the chosen stack, and so are these tabs alone."""
        self._in_front = tab in self.tabs
        if self.shown is not None:
            self.shown.paints = tab is self.mask_tab
            self.shown.arrange()
        if not self._in_front:
            self.trial.close()
            self.comparison.close()
        self.show_quality()

    def enter(self) -> None:
        """One of the tabs is in front: the sliders are those of the chosen stack."""
        if self.shown is None:
            self.workspace.say("")
        else:
            self.shown.name_sliders()

    def follow(self, view: FrameInView | None) -> None:
        """Overlay, arrows, buttons and the line in the plot go with the view."""
        self.result.show_state()
        shown = self.shown
        if shown is None or self.trial.follow():
            return
        is_compared = self.comparison.follow()
        if view is None or view.dataset is not shown:
            view = shown.view_of(shown.with_sliders)  # hidden below others
        if view is None:
            return
        if not is_compared:
            self.workspace.say(shown.words(view))
        shown.update_arrows()
        if shown.alignment is not None:
            self.quality.dock.go_to(view.frame, view.slice)

    def toggle(self) -> None:
        """Switch between raw and aligned frames."""
        if self.trial.preview.is_open:
            self.trial.flip()
        elif self.comparison.is_open and self.align_tab.compare_box.way == FLICKER:
            self.comparison.flip()
        elif self.shown is not None:
            self.shown.toggle()
            self.workspace.look()

    def open_saved(self, folder: Path) -> None:
        """Open a saved alignment."""
        self.result.load(folder)

    def collect(self, project: Project) -> Project:
        """Add the stacks, their runs, and the parameters."""
        shown = self.workspace.stacks
        stacks = [*shown, *self.workspace.kept]
        project = project.replace(stacks=tuple(each.stack for each in stacks))
        keys = [project.home.key_of(each.stack) for each in stacks]
        for key, each in zip(keys, stacks, strict=True):
            project = with_runs(project, each.runs, [each], each.stack.name, stack=key)
        project = with_params(project, "Align", self.align_tab.form.values)
        chosen = keys[stacks.index(self.shown)] if self.shown in stacks else None
        modes = {key: _kept_mode(each) for key, each in zip(keys, shown, strict=False)}
        return with_view(project, stack=chosen, modes=modes)

    def restore(self, opened: Opened) -> Iterator[None]:
        """Show the stacks of a project with their runs."""
        for before in self.workspace.stacks:
            yield from before.removing()
        self.workspace.kept.clear()
        self._show_kept()
        view, key_of = opened.project.view, opened.project.home.key_of
        shown = {}
        for found in opened.stacks:
            restored = self.add_stack(found.stack, found.contrast)
            shown[key_of(found.stack)] = restored
            yield
            yield from self._restoring(restored, found.runs)
        for key, each in shown.items():
            if key in view.get("modes", {}):
                each.look_at(view["modes"][key])
        if (chosen := view.get("stack")) in shown:
            self._choose_shown(shown[chosen])
        self.align_tab.form.take(opened.project.params.get("Align"))

    def setup_of(self, shown: StackLayers) -> Project:
        """Return what sets a run of a stack up again: the stack, parameters and mask."""
        project = Project(stacks=(shown.stack,))
        project.home.key_of(shown.stack)
        combo = self.align_tab.mask_combo
        masks = [] if combo.layer is None else [combo.layer]
        project = with_mask_layers(project, self.viewer, {"Align": [combo]}, masks)
        return with_params(project, "Align", self.align_tab.form.values)

    def go_on(self, setup: Setup) -> None:
        """Go on with a run that was interrupted."""
        (found,), project = setup.opened.stacks, setup.opened.project
        shown = self._like(found.stack) or self.add_stack(found.stack, found.contrast)
        self._choose_shown(shown)
        project.home.set_key(shown.stack, project.home.key_of(found.stack))
        combo = self.align_tab.mask_combo
        combo.choose(None)
        for _ in add_masks(project, self.viewer, [shown], [], {"Align": [combo]}):
            pass
        self.align_tab.form.take(project.params.get("Align"))
        self.tab_wanted.emit(self.align_tab)
        self.run.start()

    def _like(self, stack: Stack) -> StackLayers | None:
        """A stack that is open, of the same files as they are now, described in the same way."""
        wanted = identity_of(stack)
        return next((s for s in self.workspace.stacks if identity_of(s.stack) == wanted), None)

    def _restoring(self, shown: StackLayers, runs: Sequence[OpenedRun]) -> Iterator[None]:
        """List the runs of a stack, and show the one that was in view."""
        number = put_runs(shown.runs, runs, [shown])
        if number is not None:
            yield from self._showing_results(shown, number)
        self.runs.refresh()

    def _show_results(self, shown: StackLayers, number: int) -> None:
        """Add the layers of a run to those of the raw frames."""
        for _ in self._showing_results(shown, number):
            pass

    def _showing_results(self, shown: StackLayers, number: int) -> Iterator[None]:
        """Do so layer by layer."""
        alignment = shown.runs.show(number).results[shown]
        volumes = shown.run_volumes.of(number, alignment.transforms.shape)
        yield from shown.adding_results(volumes)
        self.runs.show_of(shown, number)
        shown.look_at("volume")

    def on_removed(self, layer: Any) -> None:
        """A layer was removed from the viewer; without its last raw one a stack is gone."""
        self.trial.on_removed(layer)
        shown = stack_of(layer)
        if shown is not None:
            goes = layer in shown.raw
            shown.forget(layer)
            self.run.on_removed(shown, layer)
            if goes:
                self.keep(shown)

    def set_theme(self, name: str) -> None:
        """Use the colours of a napari theme."""
        self.load_tab.set_theme(name)
        if self.has_quality:
            self.quality.dock.set_theme(name)

    def let_go(self) -> None:
        """Stop averaging, and disconnect from the viewer."""
        self.load_tab.preview.abandon()
        self.load_tab.pixel_check.abandon()
        self.run.let_go()
        self.trial.let_go()
        self.comparison.let_go()
        if self.has_quality:
            self.quality.let_go()
        self.runs.abandon()
        self._listening.stop()

    # -- stacks --------------------------------------------------------------------------------

    @property
    def shown(self) -> StackLayers | None:
        """The stack that is chosen."""
        return stack_of(self.stack_combo.layer)

    def add_stack(self, stack: Stack, contrast: list[Limits]) -> StackLayers:
        """Show a stack in new layers and choose it; the same files read otherwise are hidden."""
        before = [s for s in self.workspace.stacks if stack.paths and s.stack.paths == stack.paths]
        shown = StackLayers(self.viewer, stack, contrast)
        shown.add_raw()
        for other in before:
            other.hide()
        self._choose_shown(shown)
        return shown

    def add_loaded(self, stack: Stack, contrast: list[Limits]) -> None:
        """Show a stack that was opened; one of the project's takes its place there again.

        One whose layers were removed, and whose runs are kept, is shown again with these.
        """
        if any(_is_again(stack, each) for each in self.workspace.kept):
            self.show_again()
            self.load_tab.run_bar.say(SHOWN_AGAIN.format(stack.name))
            return
        if not may_be_in(stack, self.workspace.left):
            before = self.read_otherwise(stack)
            shown = self.add_stack(stack, contrast)
            if before is not None:
                self._offer_as_before(shown, before)
            return
        bar = self.load_tab.run_bar
        words = bar.status.text()
        bar.start(
            partial(finding, stack, self.workspace.left),
            returned=partial(self._on_found, stack, contrast, words),
        )

    def read_otherwise(self, stack: Stack) -> Stack | None:
        """A stack with runs of the same files, read in another way than this, which is as it is.

        None where there is none, and where it was said how these files are to be read.
        """
        if not stack.paths or stack.said.arguments():
            return None
        known = [*self.workspace.kept, *self.workspace.stacks]
        with_runs = [each.stack for each in known if each.runs.listed]
        names = [path.name for path in stack.paths]
        moved = [s for s in self.workspace.left.stacks if [p.name for p in s.paths] == names]
        same = [each for each in with_runs if each.paths == stack.paths]
        return next((each for each in (*same, *moved) if each.said.arguments()), None)

    def _offer_as_before(self, plain: StackLayers, before: Stack) -> None:
        """Offer to read files as they were for the runs that there are."""
        said = ", ".join(f"{name}={value!r}" for name, value in before.said.arguments().items())
        self.load_tab.run_bar.say(READ_OTHERWISE.format(before.name, said, AS_ITS_RUN))
        way = partial(self._open_as_before, plain, before)
        self.load_tab.ways_out.offer(WayOut(AS_ITS_RUN, AS_ITS_RUN_TIP, way))

    def _open_as_before(self, plain: StackLayers, before: Stack) -> None:
        """Show what a run was made of in place of the files as they are."""
        paths = plain.stack.paths
        if not plain.runs.listed:
            plain.remove()
        shown = next((each for each in self.workspace.stacks if each.stack is before), None)
        if shown is not None:
            self._choose_shown(shown)
            shown.look_at("volume" if shown.volume else "raw")  # the plain ones had hidden it
        else:
            self.load_tab.open_as(paths, **before.said.arguments())

    def keep(self, shown: StackLayers) -> None:
        """Keep a stack whose layers were removed, where a run of it goes on or is in no file."""
        others = [each for each in self.workspace.kept if each is not shown]
        is_saved = self.workspace.saved_runs.are_saved(shown.runs.listed)
        is_kept = self.run.is_of(shown) or not is_saved
        self.workspace.kept = [*others, shown] if is_kept else others
        for run in shown.runs.listed:
            shown.run_volumes.forget(run.number)
        self._show_kept()
        if not self.align_tab.run_bar.busy:
            self.align_tab.run_bar.say(self.words_of_removed(shown))

    def words_of_removed(self, shown: StackLayers) -> str:
        """What became of the runs of a stack whose layers were removed; '' where it had none."""
        name, runs = shown.stack.name, shown.runs.listed
        if shown in self.workspace.kept:
            return KEPT.format(name, names_of(runs), "are" if len(runs) > 1 else "is")
        return REMOVED.format(name) if runs else ""

    def show_again(self) -> None:
        """Add the layers of the stacks that are kept without."""
        kept, self.workspace.kept = self.workspace.kept, []
        for shown in kept:
            shown.add_raw()
            self._choose_shown(shown)
            self.workspace.kept_masks.show_again(shown)
            self.align_tab.mask_combo.choose(newest_of(shown, self.viewer.layers))
            if shown.runs.shown is not None:
                self._show_results(shown, shown.runs.shown.number)
            self.runs.tell()
        self.workspace.kept_masks.show_again()
        self._show_kept()
        self.align_tab.run_bar.say("")

    def _show_kept(self) -> None:
        self.kept_row.show_kept(self.workspace.kept, self.workspace.kept_masks.masks)

    def _on_masks_kept(self) -> None:
        """Keep the stack of a mask, too: it is shown again below it."""
        there = [*self.workspace.stacks, *self.workspace.kept]
        owners = (each.metadata.get(KEY) for each in self.workspace.kept_masks.masks)
        new = {each for each in owners if isinstance(each, StackLayers) and each not in there}
        self.workspace.kept += new
        self._show_kept()
        if masks := self.workspace.kept_masks.masks:
            show_info(MASKS_KEPT.format(mask_words(masks), are(len(masks))))

    def discard_kept(self) -> None:
        """Forget what is kept without layers, after a question."""
        workspace = self.workspace
        if confirmed(
            self.load_tab,
            "Discard them?",
            lost_words(workspace.kept, workspace.kept_masks.masks),
            yes="Discard",
            no="Keep",
        ):
            workspace.kept.clear()
            workspace.kept_masks.forget()
            self.align_tab.run_bar.say("")

    def load_stack(self, stack: Stack) -> None:
        """Show a stack that was opened elsewhere; its contrast is sampled in the worker."""
        self.load_tab.load(stack)

    def adopt(self, _: Any = None) -> None:
        """Take over the layers that napari made of the reader's data, and choose a stack."""
        by_stack: dict[int, list[Any]] = {}
        for layer in self.viewer.layers:
            if isinstance(layer.metadata.get(KEY), Stack):
                by_stack.setdefault(id(layer.metadata[KEY]), []).append(layer)
        for layers in by_stack.values():
            contrast = [tuple(layer.contrast_limits) for layer in layers]
            shown = StackLayers(self.viewer, layers[0].metadata[KEY], contrast)
            shown.adopt(layers)
            self._choose_shown(shown)

    def new_mask(self) -> None:
        """Add a mask for the chosen stack, ready to paint."""
        if self.shown is None:
            self.say_no_stack()
            return
        flatten(self.viewer)
        self.align_tab.mask_combo.choose(new_mask(self.shown))

    def say_no_stack(self) -> None:
        """Say why there can be no mask."""
        self.mask_tab.words.setText("There is no stack yet: load one first.")

    def show_quality(self) -> None:
        """Plot the quality of the chosen stack, where it has an alignment."""
        alignment = None if self.shown is None else self.shown.alignment
        self.align_tab.set_result(alignment is not None)
        if alignment is not None and self._in_front:
            grows = self.shown is not None and self.run.is_of(self.shown)
            self.quality.show_alignment(alignment, grows=grows)
        elif self.has_quality:
            self.quality.hide()

    # -- inside --------------------------------------------------------------------------------

    def _on_found(
        self, stack: Stack, contrast: list[Limits], words: str, found: PutBack | None
    ) -> None:
        """Show a stack with the runs and masks that it has in the project."""
        if found is None:
            self.add_stack(stack, contrast)
            self.load_tab.run_bar.say(words)
            return
        home = self.workspace.left.home
        home.set_key(found.stack, home.key_of(found.missing))
        with_masks, self.workspace.left = divided(self.workspace.left, found)
        shown = self.add_stack(found.stack, contrast)
        for _ in self._restoring(shown, found.runs):
            pass
        choices = {"Align": [self.align_tab.mask_combo]}
        for _ in add_masks(with_masks, self.viewer, [shown], [], choices):
            pass
        self.workspace.alignments_changed.emit()
        self.workspace.put_back.emit(
            f"{found.stack.name} is in its place in the project again, with "
            f"{counted(len(found.runs), 'run')} and {counted(len(with_masks.masks), 'mask')}."
        )

    def _choose(self, _: Any = None) -> None:
        """Another stack was chosen, or there is none any more."""
        shown, masks = self.shown, self.align_tab.mask_combo
        if is_of_another(masks.layer, shown) or self._is_chosen_for_another(masks.layer):
            masks.choose(newest_of(shown, self.viewer.layers))
        if shown is not None:
            shown.mask = masks.layer
        self.load_tab.show_stack(None if shown is None else shown.stack)
        self.align_tab.align_by.show_channels(() if shown is None else shown.stack.channel_names)
        self.runs.refresh()
        self.runs.fill(shown)
        self.trial.look()
        self.mask_making.forget()
        self.workspace.choose(shown)

    def _choose_shown(self, shown: StackLayers) -> None:
        self.stack_combo.refresh()  # its layer was added before it was known to be a stack's
        before = self.shown
        self.stack_combo.choose(shown.raw[0])
        if self.shown is before:
            self._choose()

    def _on_edited(self, stack: Stack) -> None:
        """Show the chosen stack otherwise; another layout needs other layers."""
        old = self.shown
        if old is None:
            return
        if _same_layout(old.stack, stack):
            old.update_description(stack)
            self.align_tab.align_by.show_channels(stack.channel_names)
            hand_over(old, old)
            self.trial.look()
            self.workspace.look()
            return
        if old.alignment is not None:
            show_info("The layout has changed: the alignment of before was taken away.")
        mask = self.align_tab.mask_combo.layer
        old.remove()
        hand_over(old, self.add_stack(stack, old.contrast))
        self.align_tab.mask_combo.choose(mask)

    def _may_change(self, stack: Stack) -> bool:
        """Ask before another layout takes results away that are in no file."""
        old = self.shown
        if old is None or _same_layout(old.stack, stack):
            return True
        return may_lose(
            self.load_tab,
            self.workspace.saved_runs.would_lose(old.runs.listed, self.load_tab),
            "Change the layout?",
            yes="Change it",
            no="Keep it",
        )

    def _on_busy(self, busy: bool) -> None:
        """While a run goes on, its stack can't be described otherwise or exchanged."""
        self.load_tab.setEnabled(not busy)
        self.stack_combo.setEnabled(not busy)
        self.kept_row.setEnabled(not busy)
        self.align_tab.set_result(self.shown is not None and self.shown.alignment is not None)

    def _on_mask(self, _: Any = None) -> None:
        layer = self.align_tab.mask_combo.layer
        if layer is not None and self.shown is not None:
            self._chosen_for[layer] = ref(self.shown)
        if self.shown is not None:
            self.shown.mask = layer
        self.mask_tab.words.follow(layer)
        self.trial.look()

    def _is_chosen_for_another(self, layer: Layer | None) -> bool:
        """Whether a mask, which may be from a file, was chosen for another stack.

        One that was chosen before there was a stack is for the first.
        """
        if layer is None or self.shown is None:
            return False
        return self._chosen_for.setdefault(layer, ref(self.shown))() is not self.shown

    def _on_frame_clicked(self, frame: int) -> None:
        """Go to a frame and show it: over the volume nothing would be seen of it."""
        if self.shown is not None:
            if self.shown.mode not in (RAW, ALIGNED):
                self.result.look_at_frames()
            self.shown.go_to(frame)

    def _on_inserted(self, _: Any = None) -> None:
        QTimer.singleShot(0, self.adopt)

    def _connect(self) -> None:
        self.load_tab.may_change = self._may_change
        self.load_tab.loaded.connect(self.add_loaded)
        self.load_tab.edited.connect(self._on_edited)
        self.load_tab.alignment_chosen.connect(self.workspace.result_found)
        self.mask_tab.new_mask_clicked.connect(self.new_mask)
        self.align_tab.run_bar.run_clicked.connect(self.run.start)
        self.align_tab.run_bar.busy_changed.connect(self._on_busy)
        self.align_tab.button_clicked.connect(self.result.do)
        self.align_tab.mask_combo.currentIndexChanged.connect(self._on_mask)
        self.align_tab.form.changed.connect(self.trial.look)
        self.mask_tab.words.changed.connect(self.trial.look)
        self.stack_combo.currentIndexChanged.connect(self._choose)
        self.workspace.kept_masks.changed.connect(self._on_masks_kept)
        self.kept_row.button.clicked.connect(lambda _: self.show_again())
        self.kept_row.discard_button.clicked.connect(lambda _: self.discard_kept())
        self._listening.to(self.viewer.layers.events.inserted, self._on_inserted)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(QLabel("Stack"))
        row.addWidget(self.stack_combo, 1)
        header = QVBoxLayout(self.header)
        header.setContentsMargins(0, 0, 0, 0)
        header.addLayout(row)
        header.addWidget(self.kept_row)


def _kept_mode(shown: StackLayers) -> str:
    """The mode that a project keeps: images that compare are made anew."""
    return ALIGNED if shown.mode == COMPARED else shown.mode


def _same_layout(first: Stack, second: Stack) -> bool:
    """Whether frames belong to the same slices: only then does an alignment stay true."""
    layouts = [(stack.frames_per_slice, stack.order) for stack in (first, second)]
    return layouts[0] == layouts[1]


def stack_layers(layers: Any) -> list[Any]:
    """First layer of every stack that is shown."""
    return [next(layer for layer in layers if layer in s.raw) for s in every_stack(layers)]


def _is_again(opened: Stack, kept: StackLayers) -> bool:
    """Whether a stack that was opened has the layout, and still the files, of a kept one's runs.

    A file that doesn't say its layout has that which the person gave before.
    """
    stack, results = kept.stack, [run.results[kept] for run in kept.runs.listed]
    is_as_before = opened.frames_per_slice is None or layout_of(opened) == layout_of(stack)
    if not opened.paths or opened.paths != stack.paths or not is_as_before:
        return False
    now = states_of(opened.paths)
    seen = [each.frame_digests for each in results if each.frame_digests is not None]
    return all(digests.files == now for digests in seen)
