"""`Said`: what was said at opening of how files are read, so that they can be read so again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from napari_zstack_align.layout import FramesPerSlice, Order

LAYOUT = ("frames_per_slice", "order")


@dataclass(frozen=True)
class Said:
    """Arguments of `open_stack` that decide which pixels a frame consists of.

    Sizes and times aren't among them: a stack keeps them itself.

    Attributes
    ----------
    axes, frames_per_slice, order, channels, plane, drop_frames, image, whole_frames
        As of `open_stack`.
    line_phase : float or tuple of float, optional
        As of `open_stack`; what was found where that was to be estimated.
    line_phase_subpixel : bool
        As of `open_stack`.
    """

    axes: str | None = None
    frames_per_slice: FramesPerSlice | None = None
    order: Order | None = None
    channels: int | None = None
    plane: int | None = None
    drop_frames: str | None = None
    image: int | str = 0
    whole_frames: bool = False
    line_phase: float | tuple[float, float, float] | None = None
    line_phase_subpixel: bool = False

    def and_(self, **more: Any) -> Self:
        """Return it with some more said."""
        return replace(self, **more)

    def arguments(self) -> dict[str, Any]:
        """What was said, for `open_stack` and for JSON; nothing of the rest."""
        pairs = ((each.name, getattr(self, each.name), each.default) for each in fields(self))
        return {name: value for name, value, default in pairs if value != default}

    def decides_frames(self) -> dict[str, Any]:
        """What was said of which pixels a frame consists of, and which frames there are.

        Repeats and order do so only where axes or a plane were said: else they are a layout of the
        same frames.
        """
        said = self.arguments()
        if self.axes is None and self.plane is None:
            said = {name: said[name] for name in said if name not in LAYOUT}
        return said

    @classmethod
    def from_facts(cls, facts: Any) -> Self:
        """Undo `arguments`.

        Raises
        ------
        ValueError
            For anything else.
        """
        if not isinstance(facts, Mapping):
            raise ValueError("it is no table of what was said at opening")
        known = {each.name: each.type for each in fields(cls)}
        if unknown := set(facts) - set(known):
            raise ValueError(f"what was said at opening has an unknown part, {min(unknown)!r}")
        for name, value in facts.items():
            if not _fits(name, value):
                raise ValueError(f"what was said at opening has an odd {name!r}")
        lists = {name: tuple(value) for name, value in facts.items() if isinstance(value, list)}
        return cls(**{**facts, **lists})


_TYPES: dict[str, tuple[type, ...]] = {
    "axes": (str,),
    "frames_per_slice": (int, list, tuple),
    "order": (str,),
    "channels": (int,),
    "plane": (int,),
    "drop_frames": (str,),
    "image": (int, str),
    "whole_frames": (bool,),
    "line_phase": (int, float, list, tuple),
    "line_phase_subpixel": (bool,),
}


def _fits(name: str, value: Any) -> bool:
    """Whether a value from JSON has the type of an argument; what it says is checked at opening."""
    if isinstance(value, bool):
        return bool in _TYPES[name]
    return isinstance(value, _TYPES[name])
