"""Within-slice error of the alignment beside the least that any method could reach.

    python benchmarks/bound.py                       # 20 and 3 photons, three seeds
    python benchmarks/bound.py --sets cells3 --seeds 7

The Bayesian Cramér-Rao bound (Van Trees 1968, Detection, Estimation, and Modulation Theory I) of
the field of one frame, given what is known of generated data: the clean image, the noise of every
pixel, and the covariance that the motion was drawn from. The image itself isn't known to a method,
only the n repeats: the disagreement of repeats then has (n - 1) / n of the variance. Must: at most
1.25 times the bound.
"""

from __future__ import annotations

import argparse

from measure import limit_threads

limit_threads()

import numpy as np  # noqa: E402
import sets  # noqa: E402
from scipy.linalg import cho_factor, cho_solve  # noqa: E402

import napari_zstack_align as nza  # noqa: E402
from napari_zstack_align.alignment.spline import basis_matrix, n_control_points  # noqa: E402
from napari_zstack_align.samples import SampleZStack, endpoint_error  # noqa: E402
from napari_zstack_align.samples.detector import Detector  # noqa: E402
from napari_zstack_align.samples.motion import CORRELATION_PX  # noqa: E402

SPACING_PX = 30.0
"""Of the grid that the fields of the bound live on: half the shortest correlation length."""
BORDER_PX, STEP_PX = 24, 16
JITTER = 1e-5
SLICES = (0, 5, 9)
"""Slices whose bounds are averaged."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sets", nargs="+", default=["cells20", "cells3"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[101, 102, 103])
    options = parser.parse_args()
    print(f"{'set':9}{'seed':>5}{'within slice px':>17}{'bound px':>10}{'ratio':>7}")
    for name in options.sets:
        for seed in options.seeds:
            sample = sets.sample(name, seed)
            found, least = within_slice(sample), bound(sample)
            print(f"{name:9}{seed:5}{found:17.4f}{least:10.4f}{found / least:7.2f}", flush=True)


def within_slice(sample: SampleZStack) -> float:
    """Mean endpoint error of the alignment within slices, px."""
    alignment = nza.run(nza.align_adaptive(sample.stack))
    error = endpoint_error(
        alignment.transforms.displacement,
        sample.displacement,
        sample.stack.slice_of_frame,
        border_px=BORDER_PX,
    )
    return error.within_slice


def bound(sample: SampleZStack) -> float:
    """Mean length, px, of the error of a method that reaches the bound."""
    n_repeats = sample.stack.frames_per_slice
    prior = prior_covariance(sample.clean.shape[1:], variance_of_motion(sample))
    lengths = []
    for z in SLICES:
        variance = posterior_variance(sample.clean[z], prior)
        # The mean length of a normal error that is the same in all directions.
        lengths.append(np.mean(np.sqrt(np.pi / 2 * variance)))
    return float(np.mean(lengths) * np.sqrt((n_repeats - 1) / n_repeats))


def variance_of_motion(sample: SampleZStack) -> float:
    """Variance of a frame's own translation, and of its bending, px² along each axis."""
    slices = sample.stack.slice_of_frame
    fields = np.stack([sample.displacement(t)[:, ::16, ::16] for t in range(len(slices))])
    for z in np.unique(slices):
        fields[slices == z] -= fields[slices == z].mean(axis=0)
    n_repeats = sample.stack.frames_per_slice
    return float(fields.var() * n_repeats / (n_repeats - 1) / 2)


def prior_covariance(shape: tuple[int, ...], variance: float) -> np.ndarray:
    """(n, n) covariance of the spline coefficients of one component."""
    places = [SPACING_PX * (np.arange(n) - (n - 1) / 2) for n in map(_count, shape)]
    y, x = (axis.ravel() for axis in np.meshgrid(*places, indexing="ij"))
    squares = (y[:, None] - y) ** 2 + (x[:, None] - x) ** 2
    lengths = np.linspace(*CORRELATION_PX, 13) / np.sqrt(2)
    bending = np.mean([np.exp(-squares / (4 * length**2)) for length in lengths], axis=0)
    covariance = variance * (1 + bending)
    # From values at the control points to coefficients.
    kernels = [_collocation(n) for n in map(_count, shape)]
    to_coefficients = np.kron(*(np.linalg.inv(kernel) for kernel in kernels))
    covariance = to_coefficients @ covariance @ to_coefficients.T
    return covariance + JITTER * variance * np.eye(len(covariance))


def _count(size: int) -> int:
    return n_control_points(size, SPACING_PX)


def _collocation(n: int) -> np.ndarray:
    """(n, n) values of cubic B-splines at the control points; mirrored at the ends."""
    matrix = (4 * np.eye(n) + np.eye(n, k=1) + np.eye(n, k=-1)) / 6
    matrix[0, 0] = matrix[-1, -1] = 5 / 6
    return matrix


def posterior_variance(clean: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Mean over both components of the variance of the field, px², at some pixels."""
    detector = Detector()
    noise = clean + (detector.read_noise / detector.counts_per_photon) ** 2
    gradients = np.gradient(clean.astype(np.float64))
    bases = [
        basis_matrix(np.arange(size), size, SPACING_PX).astype(np.float64) for size in clean.shape
    ]
    n = len(prior)
    information = np.zeros((2 * n, 2 * n))
    for a in range(2):
        for b in range(2):
            block = _information(gradients[a] * gradients[b] / noise, bases)
            information[a * n : (a + 1) * n, b * n : (b + 1) * n] = block
    covariance = np.kron(np.eye(2), prior)
    root = np.linalg.cholesky(covariance)
    middle = cho_factor(np.eye(2 * n) + root.T @ information @ root)
    rows, columns = (basis[BORDER_PX:-BORDER_PX:STEP_PX] for basis in bases)
    at = np.kron(rows, columns)
    variances = []
    for component in range(2):
        seen = np.zeros((len(at), 2 * n))
        seen[:, component * n : (component + 1) * n] = at
        projected = root.T @ seen.T
        variances.append((projected * cho_solve(middle, projected)).sum(axis=0))
    return np.mean(variances, axis=0)


def _information(weights: np.ndarray, bases: list[np.ndarray]) -> np.ndarray:
    """(n, n) Fisher information of the coefficients for weights (Y, X)."""
    pairs = [(basis[:, :, None] * basis[:, None]).reshape(len(basis), -1) for basis in bases]
    product = pairs[0].T @ weights @ pairs[1]
    n_y, n_x = (basis.shape[1] for basis in bases)
    blocks = product.reshape(n_y, n_y, n_x, n_x).transpose(0, 2, 1, 3)
    return blocks.reshape(n_y * n_x, n_y * n_x)


if __name__ == "__main__":
    main()
