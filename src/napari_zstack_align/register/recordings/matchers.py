"""The ways to match chunks to a reference, by name."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.mask import Mask
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.register.recordings.keypoint_matcher import KeypointMatcher
from napari_zstack_align.register.recordings.matching import Matcher

MATCHERS: dict[str, type[Matcher]] = {"keypoints": KeypointMatcher}
"""By ``matcher`` of the parameters; the name also stands in the column ``method`` of chunks."""


def prepared(image: npt.NDArray[np.float32], mask: Mask | None, params: KeypointParams) -> Matcher:
    """Prepare a reference image (Y, X), NaN where it shows nothing, for the matcher of params."""
    return MATCHERS[params.matcher].prepare(image, mask, params)
