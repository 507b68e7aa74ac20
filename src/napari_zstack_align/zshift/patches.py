"""Patches: squares that overlap, made of blocks that don't."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.floating]

MOST_BLOCKS = 8
"""Along a patch."""


@dataclass(frozen=True)
class PatchGrid:
    """How a frame is divided.

    What is summed over patches is summed over blocks first, and each pixel once.

    Attributes
    ----------
    first : tuple of int
        (y, x) of the first block's first pixel: a rest at the edges is left out.
    block : tuple of int
        Rows and columns of a block, px.
    n_blocks : tuple of int
        Blocks along y and x.
    per_patch : tuple of int
        Blocks along y and x that make a patch; patches begin at every block.
    """

    first: tuple[int, int]
    block: tuple[int, int]
    n_blocks: tuple[int, int]
    per_patch: tuple[int, int]

    @classmethod
    def of(cls, shape: tuple[int, int], patch_px: int, overlap: float) -> PatchGrid:
        """Divide a frame (Y, X) into patches, each at most as large as the frame."""
        along = [_divided(size, patch_px, overlap) for size in shape]
        (y, x), (block_y, block_x), (ny, nx), (my, mx) = zip(*along, strict=True)
        return cls((y, x), (block_y, block_x), (ny, nx), (my, mx))

    @property
    def shape(self) -> tuple[int, int]:
        """Number of patches (py, px)."""
        y, x = (n - m + 1 for n, m in zip(self.n_blocks, self.per_patch, strict=True))
        return y, x

    @property
    def n_patches(self) -> int:
        """Number of patches."""
        return self.shape[0] * self.shape[1]

    @property
    def centres(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """(py,) y and (px,) x of the centres, px."""
        y, x = (
            np.asarray(first + np.arange(n) * block + (m * block - 1) / 2, np.float64)
            for first, n, block, m in zip(
                self.first, self.shape, self.block, self.per_patch, strict=True
            )
        )
        return y, x

    @property
    def pixels(self) -> int:
        """Pixels of a patch."""
        return int(np.prod(self.block) * np.prod(self.per_patch))

    def blocks(self, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Pixels of each block, (blocks, pixels), of an image (Y, X)."""
        (y, x), (height, width), (ny, nx) = self.first, self.block, self.n_blocks
        inner = image[y : y + ny * height, x : x + nx * width]
        parts = inner.reshape(ny, height, nx, width).transpose(0, 2, 1, 3)
        return np.ascontiguousarray(parts).reshape(ny * nx, height * width)

    def patch_sums(self, block_sums: Numbers) -> Numbers:
        """(patches, ...) sums over patches, of sums over blocks (blocks, ...)."""
        rest = block_sums.shape[1:]
        sums = block_sums.reshape(*self.n_blocks, *rest)
        for axis, (n, m) in enumerate(zip(self.shape, self.per_patch, strict=True)):
            starts = [sums[(slice(None),) * axis + (slice(i, i + n),)] for i in range(m)]
            sums = np.sum(starts, axis=0)
        return sums.reshape(-1, *rest)


def _divided(size: int, patch_px: int, overlap: float) -> tuple[int, int, int, int]:
    """First pixel, block, number of blocks, and blocks a patch, along one axis."""
    patch = min(patch_px, size)
    per_patch = int(np.clip(round(1 / (1 - overlap)), 1, MOST_BLOCKS))
    n_blocks = -(-size * per_patch // patch)
    block = size // n_blocks
    return (size - block * n_blocks) // 2, block, n_blocks, per_patch
