"""z-shift: at which depth of a reference z-stack each frame of a recording was taken."""

from napari_zstack_align.zshift.estimate import estimate_zshift
from napari_zstack_align.zshift.storage import load_zshift
from napari_zstack_align.zshift.zshift import ZShift

__all__ = ["ZShift", "estimate_zshift", "load_zshift"]
