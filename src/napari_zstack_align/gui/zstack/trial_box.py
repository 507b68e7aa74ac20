"""The box 'Before you run': a slice tried, with one alpha or five."""

from __future__ import annotations

from collections.abc import Iterable

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from napari_zstack_align.gui import toggle_key
from napari_zstack_align.gui.buttons import button, more_button
from napari_zstack_align.gui.choice_strip import ChoiceStrip
from napari_zstack_align.gui.run_bar import StatusLine
from napari_zstack_align.gui.word_colours import give_meaning
from napari_zstack_align.gui.zstack.tried_slice import SIDE_PX, TriedSlice
from napari_zstack_align.register.tried_alphas import ALPHAS

MOST_REPEATS = 6
"""So many of a slice tell enough, in some seconds."""
START_BUTTONS = {
    "preview": (
        "Preview",
        f"Align only the slice in view, by at most {MOST_REPEATS} of its repeats, with the mask "
        f"and the parameters as they stand, and show their mean before and after. Takes a few "
        f"seconds; nothing is kept",
    ),
    "alphas": (
        "Try alphas",
        f"Align the slice in view, by at most {MOST_REPEATS} of its repeats, with alpha "
        f"{', '.join(f'{alpha:g}' for alpha in ALPHAS)} (a factor, no unit), to see which one "
        f"predicts held-out regions best. Takes some seconds; nothing is kept",
    ),
}
VIEW_BUTTONS = {
    "flip": ("Before ⇄ after", "Switch between the mean of the raw and of the aligned repeats"),
    "flicker": ("Flicker", "Switch between before and after by itself, every 0.6 s"),
    "arrows": (
        "Arrows",
        "Show how far (px) each part of the repeat in view is moved, drawn 3 times as long",
    ),
    "close": ("Close", "Close the preview, and return to what was shown before"),
}
STRIP_TIP = (
    f"<qt>Mean of the repeats aligned with each alpha (a factor, no unit), in one contrast: the "
    f"part of {SIDE_PX} × {SIDE_PX} px in which they differ most. Below: correlation of each "
    f"repeat with the mean of the others (from −1 to 1), in squares that were hidden from the "
    f"fit. A click takes that alpha, and shows the whole slice.</qt>"
)


TITLE = ("Before you run", "Try the slice in view with the mask and the parameters as they stand")
SLICE = "Slice {}, {}"
TOLD = "held-out correlation {:.4f} raw, {:.4f} aligned"
NOT_BETTER = "Not better than no alignment."
NONE_BETTER = "No alpha improves on the raw repeats, so none is suggested."
NOT_ALL = "Only {} of {} alphas were tried, so none is suggested."
TAKE = "Suggested: alpha {:g}. Click a picture to use its alpha."
OUTDATED = "Outdated: {} has changed. Press '{}' again."


class TrialBox(QWidget):
    """Buttons to try a slice, and what came of it; it can be folded away."""

    clicked_on = Signal(str)
    """Name of a button, as in ``START_BUTTONS`` and ``VIEW_BUTTONS``."""

    def __init__(self) -> None:
        super().__init__()
        texts = {**START_BUTTONS, **VIEW_BUTTONS}
        self.buttons = {name: button(*words) for name, words in texts.items()}
        for name in ("flicker", "arrows"):
            self.buttons[name].setCheckable(True)
        toggle_key.show_on(self.buttons["flip"])
        self.words, self.outdated = StatusLine(), StatusLine()
        self.preview_words, self.preview_outdated = StatusLine(), StatusLine()
        for line in (self.outdated, self.preview_outdated):
            give_meaning(line, "odd")
        self.strip = ChoiceStrip()
        self.strip.setToolTip(STRIP_TIP)
        self.strip.setAccessibleName("Alphas that were tried")
        self.view_row = QWidget()
        inside = QWidget()
        self.fold_button = more_button(*TITLE, inside)
        self.fold_button.setChecked(True)
        self._lay_out(inside)
        self.show_tried(None)
        self.show_preview(None)
        for name, widget in self.buttons.items():
            widget.clicked.connect(lambda _=False, name=name: self.clicked_on.emit(name))

    def show_tried(self, tried: TriedSlice | None) -> None:
        """Show the alphas that were tried; None for none."""
        self.strip.show_columns(() if tried is None else tried.columns)
        self.strip.setVisible(tried is not None)
        self.words.setText("" if tried is None else _words_of(tried))
        if tried is None:
            self.outdated.setText("")

    def mark(self, what_differs: str, taken: int | None) -> None:
        """Say what has changed since the alphas were tried, '' for nothing; frame the taken one."""
        self.strip.show_choice(taken, pale=bool(what_differs))
        self.outdated.setText(_outdated(what_differs, "alphas"))

    def show_preview(self, tried: TriedSlice | None, k: int = 0) -> None:
        """Show what is previewed, the alpha of number ``k``; None for nothing."""
        self.view_row.setVisible(tried is not None)
        self.preview_words.setText("" if tried is None else _words_of_one(tried, k))
        if tried is None:
            self.preview_outdated.setText("")
            for name in ("flicker", "arrows"):
                self.buttons[name].setChecked(False)

    def mark_preview(self, what_differs: str) -> None:
        """Say what has changed since the preview was made; '' for nothing."""
        self.preview_outdated.setText(_outdated(what_differs, "preview"))

    def set_busy(self, busy: bool) -> None:
        """Nothing is tried while a job runs."""
        for name in START_BUTTONS:
            self.buttons[name].setEnabled(not busy)

    def _lay_out(self, inside: QWidget) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.fold_button)
        outer.addWidget(inside)
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(_row(self.buttons[name] for name in START_BUTTONS))
        for widget in (self.words, self.strip, self.outdated):
            layout.addWidget(widget)
        for widget in (self.preview_words, self.preview_outdated, self.view_row):
            layout.addWidget(widget)
        row = _row(self.buttons[name] for name in VIEW_BUTTONS)
        row.setContentsMargins(0, 0, 0, 0)
        self.view_row.setLayout(row)


def _row(widgets: Iterable[QWidget]) -> QHBoxLayout:
    row = QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget)
    return row


def _outdated(what_differs: str, name: str) -> str:
    if not what_differs:
        return ""
    return OUTDATED.format(what_differs, START_BUTTONS[name][0])


def _words_of(tried: TriedSlice) -> str:
    found = tried.found
    where = SLICE.format(found.slice_index, tried.repeats_in_words)
    before = f"{where}. Held-out correlation, {found.raw_correlation:.4f} before alignment."
    if not tried.is_complete:
        return f"{before} {NOT_ALL.format(len(found.tried), len(ALPHAS))}"
    return f"{before} {TAKE.format(found.alpha) if tried.has_gained else NONE_BETTER}"


def _words_of_one(tried: TriedSlice, k: int) -> str:
    found = tried.found
    before, after = found.raw_correlation, float(found.correlations[k])
    where = SLICE.format(found.slice_index, tried.repeats_in_words)
    words = f"{where}, alpha {found.tried[k].alpha:g}: {TOLD.format(before, after)}."
    return words if after > before else f"{words} {NOT_BETTER}"
