"""Responses of blob detectors to an image, a scale at a time.

A blob is a local maximum over place and scale of a scale-normalised response: the Laplacian of
Gaussian (Lindeberg 1998, IJCV), its approximation by differences of Gaussians (Lowe 2004, IJCV),
or the determinant of the Hessian by box filters over an integral image (Bay et al. 2008, SURF).
Definitions, borders and rounding are those of scikit-image's ``blob_log``, ``blob_dog`` and
``blob_doh``, so that the same blobs come out.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import scipy.fft

from napari_zstack_align.params import BlobParams

Image = npt.NDArray[np.float64]
Kernel = npt.NDArray[np.float64]
Response: TypeAlias = Callable[[], Image]
Convolve: TypeAlias = Callable[[list[tuple[Kernel, Kernel]], float], Image]

TRUNCATE = 4.0
"""Gaussians are cut off at so many standard deviations."""

LARGEST_KERNEL = 8
"""From this radius on, in px, a cosine transform is faster than a separable filter."""


def sigmas_of(params: BlobParams) -> npt.NDArray[np.float64]:
    """(S,) scales of the responses."""
    if params.method != "dog":
        return np.linspace(params.min_sigma, params.max_sigma, params.num_sigma)
    ratio, steps = params.sigma_ratio, np.log(params.max_sigma / params.min_sigma)
    count = int(steps / np.log(ratio) + 1)
    return np.array([params.min_sigma * ratio**i for i in range(count)])


def reach_px(params: BlobParams) -> int:
    """How far away pixels have an influence on a response."""
    largest = float(sigmas_of(params)[-1])
    if params.method == "doh":
        return box_size(largest) + 1
    return kernel_radius(largest * (params.sigma_ratio if params.method == "dog" else 1.0))


def responses(image: Image, params: BlobParams) -> list[Response]:
    """Return what makes the response at each scale, (Y, X) float64, of an image in [0, 1]."""
    return _RESPONSES[params.method](image, params)


def unknown_scales(params: BlobParams) -> bool:
    """Whether a scale is so small that its response is not defined.

    The box filters of the Hessian have no size below a scale of 1/3 px. scikit-image finds NaN
    there, and its relative threshold, a part of the largest response, then counts for nothing.
    """
    return params.method == "doh" and bool(np.any(3 * sigmas_of(params) < 1))


# -- Gaussians ---------------------------------------------------------------------------------


def kernel_radius(sigma: float) -> int:
    """Radius of a truncated Gaussian."""
    return int(TRUNCATE * sigma + 0.5)


def gaussian_kernel(sigma: float, order: int = 0) -> Kernel:
    """Truncated Gaussian of sum 1, or its second derivative (order 2)."""
    radius = kernel_radius(sigma)
    x = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 / (sigma * sigma) * x**2)
    kernel /= kernel.sum()
    return kernel if order == 0 else kernel * (x**2 / sigma**4 - 1 / sigma**2)


def _log(image: Image, params: BlobParams) -> list[Response]:
    convolve = _convolution(image, params)

    def laplacian(sigma: float) -> Image:
        smooth, curved = gaussian_kernel(sigma), gaussian_kernel(sigma, 2)
        return convolve([(smooth, curved), (curved, smooth)], -sigma * sigma)

    return [partial(laplacian, sigma) for sigma in sigmas_of(params)]


def _dog(image: Image, params: BlobParams) -> list[Response]:
    convolve = _convolution(image, params)
    scale = 1 / (params.sigma_ratio - 1)

    def smoothed(sigma: float) -> Image:
        kernel = gaussian_kernel(sigma)
        return convolve([(kernel, kernel)], 1.0)

    def difference(sigma: float, wider: float) -> Image:
        return (smoothed(sigma) - smoothed(wider)) * scale

    sigmas = sigmas_of(params)
    wider = [*sigmas[1:], sigmas[-1] * params.sigma_ratio]
    return [partial(difference, *pair) for pair in zip(sigmas, wider, strict=True)]


def _convolution(image: Image, params: BlobParams) -> Convolve:
    wide = reach_px(params) > LARGEST_KERNEL
    return _by_cosines(image) if wide else _separable(image)


def _separable(image: Image) -> Convolve:
    """Convolution with sums of products of kernels (along y, along x), mirrored at the border."""

    def convolve(kernels: list[tuple[Kernel, Kernel]], factor: float) -> Image:
        parts = [
            cv2.sepFilter2D(image, cv2.CV_64F, along_x, along_y, borderType=cv2.BORDER_REFLECT)
            for along_y, along_x in kernels
        ]
        total = parts[0]
        for part in parts[1:]:
            total += part
        total *= factor
        return total

    return convolve


def _by_cosines(image: Image) -> Convolve:
    """Do the same for wide kernels: mirrored at the border means a product of cosine transforms."""
    spectrum = scipy.fft.dctn(image, type=2)

    def convolve(kernels: list[tuple[Kernel, Kernel]], factor: float) -> Image:
        height, width = image.shape
        transfer = sum(
            _transfer(along_y, height)[:, np.newaxis] * _transfer(along_x, width)
            for along_y, along_x in kernels
        )
        return scipy.fft.idctn(spectrum * (transfer * factor), type=2, overwrite_x=True)

    return convolve


def _transfer(kernel: Kernel, size: int) -> npt.NDArray[np.float64]:
    """(size,) factors by which a symmetric kernel changes the cosines over an axis."""
    return _cosines(len(kernel) // 2, size) @ kernel[len(kernel) // 2 :]


@lru_cache(maxsize=64)
def _cosines(radius: int, size: int) -> npt.NDArray[np.float64]:
    offsets = np.arange(radius + 1)
    table = np.cos(np.pi / size * np.arange(size)[:, np.newaxis] * offsets)
    table[:, 1:] *= 2
    table.setflags(write=False)
    return table


# -- Determinant of the Hessian ----------------------------------------------------------------

SMALLEST_BOX = 3
"""Boxes of fewer pixels have no lobes: their response is 0."""


def box_size(sigma: float) -> int:
    """Side of the box filter that stands for a scale."""
    return int(3 * sigma)


def _doh(image: Image, params: BlobParams) -> list[Response]:
    # The compiler is slow to import: not everybody looks for blobs.
    from napari_zstack_align.cells.hessian import hessian_determinant, integral_image

    integral = integral_image(image)

    def determinant(size: int) -> Image:
        return np.zeros_like(image) if size < SMALLEST_BOX else hessian_determinant(integral, size)

    return [partial(determinant, box_size(sigma)) for sigma in sigmas_of(params)]


_RESPONSES: dict[str, Callable[[Image, BlobParams], list[Response]]] = {
    "log": _log,
    "dog": _dog,
    "doh": _doh,
}
