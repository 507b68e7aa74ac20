"""The chunk table of a recording: what each chunk of frames was matched by, and how well."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.flags import FLAG_COLUMNS

CHUNK_DTYPE = np.dtype(
    [
        ("chunk", np.int32),
        ("start", np.int32),
        ("stop", np.int32),
        ("midpoint", np.float64),
        ("segment", np.int32),
        ("n_frames", np.int32),
        ("n_keypoints", np.int32),
        ("n_matches", np.int32),
        ("n_inliers", np.int32),
        ("coverage", np.float32),
        ("correlation_before", np.float32),
        ("correlation_after", np.float32),
        ("residual_px", np.float32),
        ("matrix", np.float64, (3, 3)),
        ("method", "U16"),
        *FLAG_COLUMNS,
    ]
)
"""A row a chunk.

``start``, ``stop`` (exclusive) and ``midpoint`` are frames; ``segment`` counts the stretches
between jumps; ``n_frames`` were averaged. ``n_keypoints`` and ``n_matches`` lie in the mask,
``coverage`` is the part of the mask that has inliers near it; ``residual_px`` is the inliers'
median distance. ``method`` is 'keypoints', 'lower threshold', 'shared levels', 'longer chunk',
'via neighbour', 'by pixels', 'by hand', 'bridged' (from the chunks beside it) or 'raw place' (where
the bridge would lower the correlation); of the last two, the correlations are those of where the
chunk lies. ``matrix`` takes reference positions (y, x, 1) to the chunk's raw frames. ``flag`` is
the code of what is the matter ('' = good, see `Flag`) and ``detail`` says it in a sentence; a
flagged chunk is bridged, or keeps its raw place.
"""


def empty_chunks(n_chunks: int) -> npt.NDArray[np.void]:
    """Chunk table of chunks that were not matched yet."""
    table = np.zeros(n_chunks, CHUNK_DTYPE)
    table["chunk"] = np.arange(n_chunks)
    for name in CHUNK_DTYPE.names or ():
        if CHUNK_DTYPE[name].kind == "f":
            table[name] = np.nan
    table["matrix"] = np.eye(3)
    return table
