"""Which recording the reference is from: marked in the list, and changed by a click there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.register.recordings import REFERENCE_FILES, REFERENCE_FROM

if TYPE_CHECKING:
    from napari_zstack_align.gui.recordings.part import RecordingsPart

ANOTHER = "Run to register all recordings to {name}; masks and ROIs are carried there."
FROM_NOW_ON = "The reference will be taken from {name}."
AUTOMATIC = "The reference will be taken from a recording that is still and sharp."
AS_BEFORE = "The reference stays the one that there is."


class ReferenceMark:
    """Ties the mark in the list to the parameter ``reference_recording``, which is a number.

    Parameters
    ----------
    part : RecordingsPart
        Whose list and form are used.
    """

    def __init__(self, part: RecordingsPart) -> None:
        self._part = part
        self._list, self._form = part.tab.list, part.tab.form
        self._field = self._form.fields["reference_recording"]
        self._chosen: Recording | None = None
        self._list.reference_clicked.connect(self._on_click)
        self._field.on_change(self._on_number)
        part.tab.anew_box.toggled.connect(self.show)

    def choose(self, recording: Recording | None) -> None:
        """Take the reference from this recording; None: find one, or keep that of before."""
        self._chosen = recording
        self.follow_list()

    def follow_list(self) -> None:
        """The list has changed: the number goes with the recording."""
        recordings = self._list.recordings
        if self._chosen not in recordings:
            self._chosen = None
        number = None if self._chosen is None else recordings.index(self._chosen)
        if self._field.get() != number:
            self._field.set(number)
        self.show()

    def show(self, _: bool = False) -> None:
        """Mark the recording that the next run takes its reference from, where it is known."""
        self._list.mark_reference(self._chosen or self._kept_from())

    def number_among(self, recordings: Sequence[Recording]) -> int | None:
        """Number that the marked recording has among some; None where it isn't one of them."""
        return recordings.index(self._chosen) if self._chosen in recordings else None

    def is_taken_from(self, recording: Recording) -> bool:
        """Whether a first run would take its reference from this recording."""
        return self._chosen is recording

    def is_another(self, had: int | None) -> bool:
        """Whether another recording is asked for than that of the session, which had a number."""
        if self._chosen is None:
            return False
        if self.in_use is None:  # made by a version that didn't say
            return self._list.recordings.index(self._chosen) != had
        return self._chosen is not self.in_use

    @property
    def in_use(self) -> Recording | None:
        """Recording that the session's reference is from; None where that isn't known."""
        told = [each.provenance for each in self._part.alignments]
        told = [each for each in told if REFERENCE_FROM in each]
        if not told:
            return None
        name, files = told[0][REFERENCE_FROM], told[0].get(REFERENCE_FILES)
        named = [each for each in self._list.recordings if each.name == name]
        # Microscopes give one name to many; files may have been moved.
        same = [each for each in named if [*map(str, each.stack.paths)] == files] or named
        return same[0] if len(same) == 1 else None

    def _kept_from(self) -> Recording | None:
        return None if self._part.tab.anew_box.isChecked() else self.in_use

    def _on_number(self) -> None:
        number, recordings = self._field.get(), self._list.recordings
        known = number is not None and number < len(recordings)
        self._chosen = recordings[number] if known else None
        self.show()

    def _on_click(self, recording: Recording) -> None:
        again = recording in (self._chosen, self._kept_from())
        self.choose(None if again else recording)
        is_kept = bool(self._part.alignments) and not self._part.tab.anew_box.isChecked()
        if self._chosen is None:
            words = AS_BEFORE if is_kept else AUTOMATIC
        else:
            words = (ANOTHER if is_kept else FROM_NOW_ON).format(name=recording.name)
        try:
            self._part.trial.given()
        except InputError as error:  # what the next run would refuse
            self._part.tab.run_bar.say_error(str(error))
        else:
            self._part.tab.run_bar.say(words)
