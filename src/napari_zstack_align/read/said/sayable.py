"""How a layout that frames look like is said, for sentences that advise it."""

from __future__ import annotations

from napari_zstack_align.layout import Layout, Order


def how_to_say(order: Order, n_slices: int, n_frames: int) -> str:
    """Return `` `frames_per_slice=8, order='slices'` `` for slices that take turns; '' for none.

    Parameters
    ----------
    order : {'slices', 'up-and-down', 'up-and-down-once'}
    n_slices, n_frames : int
    """
    repeats = repeats_of(order, n_slices, n_frames)
    return f"`frames_per_slice={repeats}, order='{order}'`" if repeats else ""


def repeats_of(order: Order, n_slices: int, n_frames: int) -> int:
    """Volumes or sweeps that make so many slices of so many frames; 0 where no number does."""
    a_turn = n_slices - 1 if order == "up-and-down-once" else n_slices
    guess = max(n_frames // max(a_turn, 1), 1)
    fits = (n for n in (guess, guess + 1) if Layout(n, order).n_slices(n_frames) == n_slices)
    return next(fits, 0)


def how_to_open_planes(n_planes: int, n_frames: int, order: Order = "slices") -> str:
    """Return how each plane of a recording of several planes is opened by itself."""
    said = how_to_say(order, n_planes, n_frames)
    if not said:
        return "leave out its last, incomplete round, and open each plane by itself (`plane`)"
    return (
        f"open each plane by itself, {said.removesuffix('`')}, plane=0` to `plane={n_planes - 1}`"
    )
