"""Registration of recordings: chunks of frames are matched to one reference by their keypoints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.parallel import checked_threads
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.progress import Job
from napari_zstack_align.register.artefacts.search import checked_pixels
from napari_zstack_align.register.recordings.inputs import checked_inputs
from napari_zstack_align.register.recordings.session import Session
from napari_zstack_align.saved import JournalPlace, UnitStore
from napari_zstack_align.stack import Stack


def register_recordings(
    stacks: Sequence[Stack],
    params: KeypointParams | None = None,
    mask: npt.ArrayLike | None = None,
    *,
    reference: Alignment | npt.ArrayLike | None = None,
    artefacts: npt.ArrayLike | None = None,
    threads: int | None = None,
    journal: UnitStore | JournalPlace | str | Path | None = None,
) -> Job[list[Alignment]]:
    """Register the recordings of one field of view to one common reference.

    The mean of each chunk of frames is matched to the reference by keypoints in the mask, and a
    frame's transform lies between those of the chunks around it; jumps end a chunk. A second pass
    registers the chunks to the mean of all others. A chunk that can't be matched is flagged and
    bridged from its neighbours; a recording of which nothing matches is flagged as a whole.

    Parameters
    ----------
    stacks : sequence of Stack
        The recordings, (T, C, Y, X) each; T, Y and X may differ.
    params : KeypointParams, optional
        Defaults to ``KeypointParams()``.
    mask : array-like, optional
        (Y, X) bool, labels or weights in [0, 1] in reference coordinates: keypoints count where
        it is at least 0.5.
    reference : Alignment or array-like, optional
        A saved alignment, whose coordinates the recordings shall join, or an image (Y, X). By
        default what ``params`` choose, or the middle chunk of a recording that is still and sharp
        (the middle one unless another is clearly more so, or where a mask is given).
    artefacts : array-like, optional
        (Y, X) bool: pixels of the raw frames of all recordings that are fixed to the detector.
        They are left out, and no others are looked for.
    threads : int, optional
        Windows of frames worked on at once; the number of processors by default. The result
        doesn't depend on it.
    journal : str or pathlib.Path, optional
        Keep finished work on disk until the result is saved: the name that the session will be
        saved under. Whatever stops the program, the same call goes on from there, to the same
        result; it lies in ``NAME.unfinished`` beside the session, and goes when that is saved. A
        changed parameter computes anew only what it touches. By default nothing is kept. (A
        `Journal` that is open already is taken too, and left open.)

    Returns
    -------
    generator of Progress
        Returns a list of Alignments, one a recording in the order given, all in the coordinates
        of one reference; ``partial`` is such a list too, in which frames that weren't done are
        flagged 'not run'.

    Raises
    ------
    InputError
        At the call, where recordings, parameters, mask and reference don't fit together.
    AlignmentError
        At the end, where no chunk of any recording could be matched.
    RunStopped
        Where a raw file vanishes or changes meanwhile, or the journal can't be written any more
        (a full disk): what was finished is kept.

    Notes
    -----
    After the keypoint workflow for larval recordings, with these differences: transforms are
    anchored and interpolated at the midpoints of the chunks, the second pass registers by all
    pixels, and the robust fit is seeded a chunk.
    """
    inputs = checked_inputs(stacks, params, mask, reference)
    given = None
    for stack in inputs.stacks:
        given = checked_pixels(artefacts, (stack.shape[2], stack.shape[3]))
    return Session(inputs, checked_threads(threads), journal, given).run()
