"""Registration of recordings by the keypoints of chunks of frames."""

from napari_zstack_align.register.recordings.chunks import chunk_ranges
from napari_zstack_align.register.recordings.correct import (
    chunk_mean,
    reject_chunk,
    set_chunk_points,
)
from napari_zstack_align.register.recordings.first_reference import find_reference_frames
from napari_zstack_align.register.recordings.means import aligned_mean, session_fov
from napari_zstack_align.register.recordings.preview import (
    MatchPreview,
    preview_chunk,
    preview_session,
)
from napari_zstack_align.register.recordings.recordings import register_recordings

__all__ = [
    "MatchPreview",
    "aligned_mean",
    "chunk_mean",
    "chunk_ranges",
    "find_reference_frames",
    "preview_chunk",
    "preview_session",
    "register_recordings",
    "reject_chunk",
    "session_fov",
    "set_chunk_points",
]
