"""What a search for depths is given, checked together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.checks import (
    check_alignment_of,
    check_frames_at_hand,
    check_one_plane,
)
from napari_zstack_align.alignment.identity import identity_of_alignment
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import ZShiftParams
from napari_zstack_align.read import remarks_on
from napari_zstack_align.remark import Remark, as_notes, as_warnings
from napari_zstack_align.saved import FrameDigests, about_run, identity_of, now, provenance
from napari_zstack_align.stack import Stack
from napari_zstack_align.zshift.reference import Reference, on_frames, reference_of

LEAST_PX = 16
"""Smaller frames hold too little."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """A recording, a reference, an alignment and parameters that fit together."""

    stack: Stack
    reference: Reference
    alignment: Alignment | None
    params: ZShiftParams
    started: str = field(default_factory=now)
    looked_at: tuple[Remark, ...] = ()
    """What the frames themselves show."""
    seen: FrameDigests | None = None
    """What the frames were that were aligned; None where others may be read."""

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X) of the frames that are compared."""
        return self.reference.shape

    @cached_property
    def placed(self) -> npt.NDArray[np.bool_]:
        """(T,) bool: frames whose transform is known."""
        if self.alignment is None:
            return np.ones(self.stack.n_frames, bool)
        return self.alignment.placed

    def remarks(self) -> tuple[Remark, ...]:
        """What the user should know, besides what the frames show."""
        remarks = [*self.reference.remarks, *remarks_on(self.stack)]
        step, own = self.reference.z_step_um, self.stack.z_step_um
        if step is None and self.reference.stack.z_positions_um is None:
            remarks += as_notes(
                "The z-step of the reference is unknown: depths are in slices only. For µm, give "
                "`z_step_um`."
            )
        elif step and own is not None and abs(own / step - 1) > 0.01:
            remarks += as_notes(
                f"The recording says a z-step of {own:g} µm, the reference {step:g}: depths are in "
                f"slices of the reference."
            )
        return tuple(remarks)

    def provenance(
        self, found: Sequence[Remark] = (), left_out: Sequence[int] = (), **details: Any
    ) -> dict[str, Any]:
        """Versions, date, what was read, and details of the run.

        Of ``left_out``, slices without numbers, it says so; ``found`` is what the run remarked.
        """
        remarks = [*found, *self.remarks()]
        if left_out:
            which = ", ".join(map(str, left_out))
            slices = f"Slice {which} holds" if len(left_out) == 1 else f"Slices {which} hold"
            remarks += as_warnings(
                f"{slices} no numbers in the reference (counted from 0): depths there are "
                f"estimated from the slices around."
            )
        return provenance(
            "estimate_zshift",
            self.started,
            self.stack.paths,
            remarks,
            reference=self.reference.name,
            reference_files=[str(path) for path in self.reference.paths],
            aligned=self.alignment is not None,
            **details,
        )


def about_zshift(
    stack: Stack,
    reference: Alignment | Stack | npt.ArrayLike,
    params: ZShiftParams,
    alignment: Alignment | None,
) -> dict[str, Any]:
    """What the journal of a search says of it."""
    return about_run(
        "estimate_zshift",
        params,
        without_dropped(stack, alignment),
        reference=_identity_of_reference(reference),
        alignment=alignment and identity_of_alignment(alignment),
    )


def without_dropped(stack: Stack, alignment: Alignment | None) -> Stack:
    """Drop frames of a recording that were dropped when it was aligned.

    The file may have been opened anew; their place is a guess from the frames around them.
    """
    if alignment is None or stack.n_frames != alignment.stack.n_frames:
        return stack
    return stack.without({*stack.dropped, *alignment.stack.dropped})


def _identity_of_reference(given: Alignment | Stack | npt.ArrayLike) -> Any:
    """Its files, or its pixels; of a lazy array, which is read slice by slice, its shape."""
    if isinstance(given, Alignment):
        return identity_of_alignment(given)
    if isinstance(given, Stack):
        return identity_of(given)
    is_lazy = hasattr(given, "shape") and not isinstance(given, np.ndarray)
    return np.shape(given) if is_lazy else np.asarray(given)


def checked_inputs(
    stack: Stack,
    reference: Alignment | Stack | npt.ArrayLike,
    params: ZShiftParams | None,
    alignment: Alignment | None,
    check_frames: bool = True,
) -> Inputs:
    """Check what a search is given; raise InputError where it doesn't fit together."""
    check_frames_at_hand(stack)
    params = ZShiftParams.given(params)
    stack.checked_channel(params.channel)
    shape = (stack.shape[2], stack.shape[3])
    if alignment is None:
        check_one_plane(stack)
    else:
        check_alignment_of(stack, alignment, check_frames)
        stack = without_dropped(stack, alignment) if check_frames else stack
        shape = alignment.transforms.shape
    if min(shape) < LEAST_PX:
        raise InputError(
            f"The frames of {stack.name} are {shape[0]} × {shape[1]} px, too small to find their "
            f"depth: they need at least {LEAST_PX} × {LEAST_PX}."
        )
    volume = on_frames(
        reference_of(reference, params.reference_channel), shape, stack.pixel_size_um
    )
    seen = alignment.frame_digests if alignment is not None and check_frames else None
    return Inputs(stack, volume, alignment, params, seen=seen)
