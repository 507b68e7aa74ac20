"""What was decided of the steps between slices, as the result keeps and reports it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_zstack_align.register.chain.modes import Matrix
from napari_zstack_align.remark import Remark, Severity

if TYPE_CHECKING:
    from napari_zstack_align.register.chain.settled import Settled

SMALLEST_PX = 0.05
"""Shorter parts of a step aren't reported in words."""
NOTED_PX = 0.5
"""From so far on, what adds up from end to end and was left out is noted."""
STEADY_PX = 1.0
"""From so far on, what adds up from end to end and isn't motion of the repeats is warned of."""


@dataclass(frozen=True)
class Decision:
    """What was decided of one step; lengths in px, root mean square over the image.

    Attributes
    ----------
    slice, over : int
        The step leads from slice ``over`` to the next one.
    asked_px : float
        What the images ask for.
    repeats_px : float
        Explained by the motion of the repeats.
    jump_px : float
        A jump between the slices.
    slant_px : float
        Persistent slant of the anatomy.
    left_px : float
        Not taken: slant, changed anatomy and noise.
    """

    slice: int
    over: int
    asked_px: float
    repeats_px: float
    jump_px: float
    slant_px: float
    left_px: float

    @classmethod
    def of(
        cls, pair: tuple[int, int], asked: Matrix, motion: Matrix, jump: Matrix, slant: Matrix
    ) -> Decision:
        """From the values (K,) of the modes."""
        parts = (asked, motion, jump, slant, asked - motion - jump)
        return cls(pair[1], pair[0], *(round(float(np.linalg.norm(part)), 3) for part in parts))

    def __str__(self) -> str:
        """'0.8 px between slices 3 and 4: 0.3 explained by the repeats, 0.4 left out'."""
        parts = {
            "explained by the repeats": self.repeats_px,
            "a jump": self.jump_px,
            "left out as persistent slant": self.slant_px,
        }
        if self.left_px > 2 * self.slant_px:
            parts["left out as changed anatomy or noise"] = self.left_px
        told = [f"{px:.1f} {what}" for what, px in parts.items() if px >= SMALLEST_PX]
        between = f"{self.asked_px:.1f} px between slices {self.over} and {self.slice}"
        return f"{between}: {', '.join(told) or 'left out'}"


def described(decisions: Sequence[Decision]) -> list[dict[str, Any]]:
    """For JSON: the figures, and the sentence."""
    return [{**asdict(each), "text": str(each)} for each in decisions]


def verdict(found: Settled, *, followed: bool) -> tuple[Remark, ...]:
    """Remarks on the steps as a whole.

    Parameters
    ----------
    found : Settled
    followed : bool
        The slices follow the images all the same.
    """
    each = found.decisions
    asked, explained, jumps = (
        float(np.median([getattr(d, name) for d in each]))
        for name in ("asked_px", "repeats_px", "jump_px")
    )
    remarks = []
    if not followed and found.left_px >= NOTED_PX:
        text = f"From slice to slice the images ask for {asked:.2f} px (median), of which "
        text += f"{explained:.2f} px are explained by how the repeats move"
        text += f" and {jumps:.2f} px by jumps" if jumps >= SMALLEST_PX else ""
        most = max(each, key=lambda d: d.left_px)
        text += f"; the rest was left out. Most of it in one step: {most}."
        remarks.append(Remark(text, Severity.NOTE))
    if found.left_px >= STEADY_PX:
        what = "shift" if found.left_shift_px > 0.7 * found.left_px else "bend"
        text = f"From the first slice to the last the images ask for a {what} of "
        text += f"{found.left_px:.1f} px that the repeats don't show: the anatomy is slanted "
        text += "through z, or the tissue drifted between slices. Images can't tell these apart; "
        text += (
            "it was followed. Choose `between_slices='auto'` to leave it out."
            if followed
            else "it was left out. If the tissue drifted, choose `between_slices='follow'`."
        )
        remarks.append(Remark(text))
    return tuple(remarks)
