"""Registration of recordings by the keypoints of chunks of frames."""

from napari_zstack_align.register.recordings.chunks import chunk_ranges
from napari_zstack_align.register.recordings.correct import (
    accept_chunk,
    back_to_automatic,
    chunk_mean,
    reject_chunk,
    set_chunk_points,
)
from napari_zstack_align.register.recordings.first_reference import find_reference_frames
from napari_zstack_align.register.recordings.inputs import REFERENCE_FILES, REFERENCE_FROM
from napari_zstack_align.register.recordings.means import aligned_mean, session_fov
from napari_zstack_align.register.recordings.preview import (
    MatchPreview,
    find_reference_recording,
    preview_chunk,
    preview_session,
)
from napari_zstack_align.register.recordings.recordings import register_recordings
from napari_zstack_align.register.recordings.replay import replay_all, replay_edits

__all__ = [
    "REFERENCE_FILES",
    "REFERENCE_FROM",
    "MatchPreview",
    "accept_chunk",
    "aligned_mean",
    "back_to_automatic",
    "chunk_mean",
    "chunk_ranges",
    "find_reference_frames",
    "find_reference_recording",
    "preview_chunk",
    "preview_session",
    "register_recordings",
    "reject_chunk",
    "replay_all",
    "replay_edits",
    "session_fov",
    "set_chunk_points",
]
