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
"""From so far on, what adds up from end to end and was left out is noted, and warned of where it is
most of what the images ask for."""
STEADY_PX = 1.0
"""From so far on, what adds up from end to end and isn't motion of the repeats is warned of."""
MOST = 0.5
"""Part of a length that dominates it."""


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
    dominates = found.left_px >= max(NOTED_PX, MOST * found.asked_px)
    if dominates or found.left_px >= STEADY_PX:
        return (_steady(found, followed=followed),)
    if followed or found.left_px < NOTED_PX:
        return ()
    return (_left_out(found.decisions),)


def of_one_repeat(steps: Matrix, *, is_auto: bool) -> tuple[Remark, ...]:
    """Remarks on steps (Z - 1, K), in values of the modes, where no repeats show the motion."""
    text = "With one repeat a slice nothing shows how the tissue moves: "
    if is_auto:
        text += "slices were shifted against one another, but not bent (`between_slices='auto'` is "
        text += "'stiff' here), and "
    total = float(np.linalg.norm(steps.sum(axis=0)))
    path = float(np.linalg.norm(steps, axis=1).sum())
    if total >= max(STEADY_PX, MOST * path):
        text += (
            f"from the first slice to the last they were moved by {total:.1f} px, mostly in one "
        )
        text += "direction, which may be a drift of the tissue or a lean of the anatomy through z."
        return (Remark(text),)
    text += "a lean of the anatomy through z is followed."
    return (Remark(text, Severity.NOTE),) if is_auto else ()


def _steady(found: Settled, *, followed: bool) -> Remark:
    what = "shift" if found.left_shift_px > 0.7 * found.left_px else "bend"
    done, otherwise = ("followed", "auto") if followed else ("left out", "follow")
    cause = "the anatomy is slanted" if followed else "the tissue drifted"
    return Remark(
        f"From the first slice to the last the images ask for a {what} of {found.left_px:.1f} px "
        f"that the repeats don't show, which was {done}: images can't tell slanted anatomy from "
        f"drift between slices; if {cause}, choose `between_slices='{otherwise}'`."
    )


def _left_out(decisions: Sequence[Decision]) -> Remark:
    asked, explained, jumps = (
        float(np.median([getattr(d, name) for d in decisions]))
        for name in ("asked_px", "repeats_px", "jump_px")
    )
    text = f"From slice to slice the images ask for {asked:.2f} px (median), of which "
    text += f"{explained:.2f} px are explained by how the repeats move"
    text += f" and {jumps:.2f} px by jumps" if jumps >= SMALLEST_PX else ""
    most = max(decisions, key=lambda d: d.left_px)
    text += f"; the rest was left out. Most of it in one step: {most}."
    return Remark(text, Severity.NOTE)
