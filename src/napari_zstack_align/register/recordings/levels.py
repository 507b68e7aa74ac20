"""Recordings whose offset or gain is another one than the reference's are brought to that.

All recordings are compared, and averaged, above one dark level. Where a detector's offset was
changed or subtracted between recordings, or one was converted, that level is not theirs: in the
mean they would make a step wherever only some of them cover the field.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from napari_zstack_align.register.prefilter import levels_of
from napari_zstack_align.register.recordings.reference import Reference
from napari_zstack_align.register.recordings.state import RecordingState
from napari_zstack_align.remark import as_notes

LARGEST_PART = 0.25
"""Dark places may differ by this part of the smaller range from dark to bright."""


def level(states: Iterable[RecordingState], reference: Reference) -> None:
    """Level each recording whose dark places are elsewhere than the reference's, and say so."""
    dark, bright = levels_of(reference.image)
    for state in states:
        image = next((state.image(int(chunk)) for chunk in state.good), None)
        if image is None:
            continue
        filled = np.where(np.isfinite(image), image, np.nanmedian(image)).astype(np.float32)
        own_dark, own_bright = levels_of(filled)
        smaller = min(bright - dark, own_bright - own_dark)
        if smaller > 0 and abs(own_dark - dark) > LARGEST_PART * smaller:
            gain = (bright - dark) / (own_bright - own_dark)
            state.levels = gain, dark - gain * own_dark
            state.remarks += as_notes(
                f"Its dark places lie at {own_dark:.4g} counts and its bright ones at "
                f"{own_bright:.4g}, those of the reference at {dark:.4g} and {bright:.4g}: for the "
                f"alignment it is brought to these."
            )
