"""Parameters: one frozen model a step.

Default, bounds, unit and help text of every parameter stand here and nowhere else: the form in
napari, the command-line flags, the saved file and the table in the docs are made from the models.
Arrays, paths and layers are not parameters.
"""

from napari_zstack_align.params._adaptive import AUTO, AdaptiveParams
from napari_zstack_align.params._base import ALL, ChannelParams, Params, flag_of
from napari_zstack_align.params._blobs import BlobParams
from napari_zstack_align.params._film import FilmParams
from napari_zstack_align.params._keypoints import SHORTEST_CHUNK, KeypointParams
from napari_zstack_align.params._nwb import NwbParams
from napari_zstack_align.params._traces import TraceParams
from napari_zstack_align.params._zshift import ZShiftParams

MODELS: tuple[type[Params], ...] = (
    AdaptiveParams,
    BlobParams,
    FilmParams,
    KeypointParams,
    NwbParams,
    TraceParams,
    ZShiftParams,
)
"""The model of every step."""

__all__ = [
    "ALL",
    "AUTO",
    "MODELS",
    "SHORTEST_CHUNK",
    "AdaptiveParams",
    "BlobParams",
    "ChannelParams",
    "FilmParams",
    "KeypointParams",
    "NwbParams",
    "Params",
    "TraceParams",
    "ZShiftParams",
    "flag_of",
]
