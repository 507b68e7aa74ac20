"""The volumes of the runs that were shown last; those of others are averaged anew when shown."""

from __future__ import annotations

from napari_zstack_align.gui.lazy import GrowingVolume
from napari_zstack_align.stack import Stack

KEPT = 2
"""Runs whose volumes stay in memory: enough to go back and forth between two of them."""


class RunVolumes:
    """Volumes by the number of their run, one a channel.

    Parameters
    ----------
    stack : Stack
        A z-stack; of a recording there are no runs.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._kept: dict[int, list[GrowingVolume]] = {}
        self._whole: set[int] = set()
        self._growing: int | None = None

    def new(self, image_shape: tuple[int, int]) -> list[GrowingVolume]:
        """Make dark volumes, for a worker to fill."""
        channels = range(self._stack.shape[1])
        return [GrowingVolume(self._stack.n_slices, image_shape) for _ in channels]

    def put(self, number: int, volumes: list[GrowingVolume], *, growing: bool = False) -> None:
        """Keep the volumes of a run, those that a run in progress fills until `finish`."""
        if growing:
            self._growing = number
        self._kept[number] = volumes
        self._use(number)

    def finish(self, number: int, volumes: list[GrowingVolume]) -> None:
        """Every finished slice of a run is in these volumes."""
        if self._kept.get(number) is volumes:
            self._whole.add(number)
        if self._growing == number:
            self._growing = None

    def of(self, number: int, image_shape: tuple[int, int]) -> list[GrowingVolume]:
        """Return the volumes of a run that is shown now; dark ones where none were kept."""
        volumes = self._kept.get(number)
        if volumes is None:
            volumes = self._kept[number] = self.new(image_shape)
        self._use(number)
        return volumes

    def is_to_be_filled(self, number: int) -> bool:
        """Whether slices are missing that no running job puts in."""
        return number not in self._whole and number != self._growing

    def forget(self, number: int) -> None:
        """The run was removed."""
        self._kept.pop(number, None)
        self._whole.discard(number)

    def _use(self, number: int) -> None:
        """Make it the newest one, and drop the oldest where that are too many."""
        self._kept[number] = self._kept.pop(number)
        others = [each for each in self._kept if each != self._growing]
        n_kept = KEPT - (self._growing in self._kept)
        for old in others[:-n_kept]:
            self.forget(old)
