"""What a run or a trial is given: a snapshot for the worker, which takes the mask where it belongs.

A mask is painted on one reference. Where another one is to be used, it is carried there before
anything is matched, through the frames that were aligned to the one it was painted on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.carry_mask import (
    carry_mask,
    carry_mask_to_frames,
    leads_to_frames,
)
from napari_zstack_align.alignment.same_frames import share_frames
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.register.recordings import find_reference_frames
from napari_zstack_align.stack import Stack

Mask = npt.NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Given:
    """Recordings, parameters, mask and reference, as the tab has them.

    Attributes
    ----------
    stacks : list of Stack
        All recordings.
    params : KeypointParams
    mask : numpy.ndarray, optional
        (Y, X) as it was painted.
    reference : Alignment or numpy.ndarray, optional
        Whose reference is used; None for one that is to be made.
    painted_on : mapping of Stack to Alignment
        Those to the reference that the mask was painted on; empty where that is the one in use.
    """

    stacks: list[Stack]
    params: KeypointParams
    mask: Mask | None
    reference: Any
    painted_on: Mapping[Stack, Alignment] = field(default_factory=dict)

    def why_not_carried(self) -> str:
        """Why the mask can't be carried to the reference; '' where it can, or lies on it."""
        if not self.painted_on:
            return "no run shows the one it was painted on"
        if isinstance(self.reference, Alignment):
            known = tuple(self.painted_on.values())
            return "" if share_frames(known, [self.reference]) else "that is of other recordings"
        stack = self.stacks[find_reference_frames(self.stacks, self.params)[0]]
        alignment = self.painted_on.get(stack)
        if alignment is None or not leads_to_frames(alignment):
            return f"no frame of {stack.name} was aligned to the one it was painted on"
        return ""

    def placed_mask(self) -> Job[Mask | None]:
        """Carry the mask to the reference, where it was painted on another one."""
        if self.mask is None or not self.painted_on:
            return self.mask
        yield Progress("Carrying the mask", 0, 1)
        if self.reference is not None:
            return carry_mask(self.mask, tuple(self.painted_on.values()), self.reference).mask
        number, *frames = find_reference_frames(self.stacks, self.params)
        alignment = self.painted_on[self.stacks[number]]
        return carry_mask_to_frames(self.mask, alignment, (frames[0], frames[1]))
