"""Rows struck by light or without light, and fibres that light up along the rows: which are found.

    python benchmarks/rows.py
    python benchmarks/rows.py --seeds 21 22 --kinds fibre light

Tissue of cells and neuropil (128 px, 3 to 40 photons, with and without a dark surround) moves by
some pixels, in a recording of 96 frames and in a z-stack of 12 slices x 8 repeats. In four frames
of sixteen, something happens: parallel fibres light up (activity, no artefact), light strikes
rows, or a photomultiplier is off. The table gives, of these frames, how many have rows that are
left out, and the part of the affected rows that is found; and how many other frames lose rows.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from measure import limit_threads

limit_threads()

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from scipy.ndimage import gaussian_filter, shift  # noqa: E402

import napari_zstack_align as nza  # noqa: E402
from napari_zstack_align.parallel import worker_threads  # noqa: E402
from napari_zstack_align.register.artefacts.search import search  # noqa: E402

SIZE, MARGIN = 128, 16
N_FRAMES, N_REPEATS = 96, 8
PERIOD, ACTIVE = 16, 4
DECAY = (1.0, 0.7, 0.5, 0.35)
Image = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tissue:
    """Tissue whose mean is 1, with a margin, and what is drawn beside it.

    Attributes
    ----------
    planes : numpy.ndarray
        (Z, Y, X) with a margin.
    photons : float
        Mean of a pixel.
    """

    planes: Image
    photons: float


def tissue(rng: np.random.Generator, n_planes: int) -> Tissue:
    """Cells over neuropil; one of two has a dark surround."""
    side = SIZE + 2 * MARGIN
    shape = (n_planes, side, side)
    cells = gaussian_filter(
        (rng.random(shape) < rng.choice([0.003, 0.02])) * rng.gamma(2, 1, shape), (0.7, 2, 2)
    )
    neuropil = gaussian_filter(rng.normal(size=shape), (1, 4, 4))
    planes = 0.5 * cells / cells.mean() + np.clip(0.5 + 0.15 * neuropil / neuropil.std(), 0, None)
    if rng.random() < 0.5:
        planes[:, :, : MARGIN + SIZE // 8] *= 0.1
        planes[:, : MARGIN + SIZE // 8] *= 0.1
    return Tissue(planes, float(rng.choice([3, 10, 40])))


# -- what happens: of tissue and random numbers, what is added in tissue, or done to a frame -----

Added = Image
Change = Callable[[Image, int], tuple[Image, npt.NDArray[np.bool_]]]


def fibres(
    rng: np.random.Generator,
    like: Tissue,
    sigma: float,
    number: int = 1,
    tilt: float = 0.0,
    width: float = 1.0,
    even: bool = False,
) -> Added:
    """(Z, Y, X) light of fibres along x, in units of the tissue's mean."""
    y, x = np.mgrid[: like.planes.shape[1], : like.planes.shape[2]].astype(float)
    middle = like.planes.shape[2] / 2
    light = np.zeros(like.planes.shape[1:])
    for _ in range(number):
        at = rng.uniform(MARGIN + 12, MARGIN + SIZE - 12) + np.tan(np.radians(tilt)) * (x - middle)
        light += rng.uniform(2, 8) * np.exp(-((y - at) ** 2) / (2 * sigma**2))
    light *= np.abs(x - middle) < width * SIZE / 2 + (MARGIN if width == 1 else 0)
    return light * (np.ones_like(like.planes) if even else 0.3 + 0.7 * like.planes)


FIBRES: dict[str, dict[str, float | bool]] = {
    "sigma 3": {"sigma": 3.0},
    "sigma 2": {"sigma": 2.0},
    "sigma 1.5": {"sigma": 1.5},
    "sigma 1.2": {"sigma": 1.2},
    "sigma 1": {"sigma": 1.0},
    "sigma 0.7": {"sigma": 0.7},
    "sigma 0.5": {"sigma": 0.5},
    "four, sigma 1.5": {"sigma": 1.5, "number": 4},
    "tilt 1°, sigma 1": {"sigma": 1.0, "tilt": 1.0},
    "tilt 3°, sigma 1.5": {"sigma": 1.5, "tilt": 3.0},
    "0.8 wide, sigma 1.2": {"sigma": 1.2, "width": 0.8},
    "0.5 wide, sigma 1.2": {"sigma": 1.2, "width": 0.5},
    "even, sigma 2": {"sigma": 2.0, "even": True},
    "even, sigma 1.2": {"sigma": 1.2, "even": True},
    "even, sigma 0.7": {"sigma": 0.7, "even": True},
}
LIGHT: dict[str, tuple[int, int, str]] = {
    "1 row": (1, 1, "rows"),
    "2 to 6 rows": (2, 6, "rows"),
    "7 to 30 rows": (7, 30, "rows"),
    "70 to 100 rows": (70, 100, "rows"),
    "within lines, 2 to 6": (2, 6, "within"),
    "soft begin, 4 to 20": (4, 20, "begin"),
    "soft ends, 6 to 20": (6, 20, "both"),
    "soft ends, 3 to 4": (3, 4, "both"),
}
OFF = {"4 to 12 rows": (4, 12), "13 to 60 rows": (13, 60), "70 to 100 rows": (70, 100)}


def lit(rng: np.random.Generator, rows: tuple[int, int, str]) -> Image:
    """(Y, X) light of a frame, in units of the tissue's mean."""
    n, edge = int(rng.integers(rows[0], rows[1] + 1)), rows[2]
    first = int(rng.integers(4, SIZE - n - 4))
    light = np.zeros((SIZE, SIZE))
    light[first : first + n] = 1
    if edge == "within":
        light[first, : rng.integers(SIZE)] = 0
        light[first + n - 1, rng.integers(SIZE) :] = 0
    if edge in ("begin", "both"):
        light[first] *= rng.uniform(0.2, 0.8)
    if edge == "both":
        light[first + n - 1] *= rng.uniform(0.2, 0.8)
    return light * np.exp(rng.uniform(np.log(2), np.log(30)))


def frames_with(
    rng: np.random.Generator, kind: str, name: str, is_stack: bool
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.bool_]]:
    """(T, Y, X) frames, and (T, Y) which rows are affected."""
    like = tissue(rng, N_FRAMES // N_REPEATS if is_stack else 1)
    planes = np.arange(N_FRAMES) // N_REPEATS if is_stack else np.zeros(N_FRAMES, int)
    decays = rng.random() < 0.5
    added = fibres(rng, like, **FIBRES[name]) if kind == "fibre" else None
    motion = rng.normal(0, rng.choice([0.3, 1.0, 2.0]), (N_FRAMES, 2)).clip(-8, 8)
    frames, truth = [], np.zeros((N_FRAMES, SIZE), bool)
    for t, plane in enumerate(planes):
        whole, phase = like.planes[plane], t % PERIOD - 6
        active = 0 <= phase < ACTIVE
        if active and added is not None:
            strength = DECAY[phase] if decays else 1.0
            whole = whole + strength * added[plane]
            truth[t] = (strength * added[plane]).mean(axis=1)[MARGIN:-MARGIN] > 0.5
        image = shift(whole, motion[t], order=1, mode="nearest")[MARGIN:-MARGIN, MARGIN:-MARGIN]
        if active and kind == "light":
            light = lit(rng, LIGHT[name])
            image, truth[t] = image + light, light.mean(axis=1) > 0.5 * light.max()
        counts = rng.poisson(np.maximum(image, 0) * like.photons) + rng.normal(0, 0.3, image.shape)
        if active and kind == "off":
            n = int(rng.integers(OFF[name][0], OFF[name][1] + 1))
            first = int(rng.integers(4, SIZE - n - 4))
            counts[first : first + n] = rng.normal(0, 0.3, (n, SIZE))
            truth[t, first : first + n] = True
        frames.append(20 * counts + 200)
    return np.clip(frames, 0, 65535).astype(np.uint16), truth


def rows_left_out(frames: npt.NDArray[np.uint16], is_stack: bool) -> npt.NDArray[np.bool_]:
    """(T, Y) which rows are left out."""
    if is_stack:
        stack, params = (
            nza.Stack.from_array(frames, frames_per_slice=N_REPEATS),
            nza.AdaptiveParams(),
        )
    else:
        stack, params = nza.Stack.from_array(frames), nza.KeypointParams()
    with worker_threads(1) as pool:
        artefacts = nza.run(search(stack, params, pool))
    found = [artefacts.cleaned(image.astype(np.float32)).rows for image in frames]
    none = np.zeros(frames.shape[1], bool)
    return np.array([none if rows is None else rows > 0 for rows in found])


KINDS: dict[str, Sequence[str]] = {"fibre": [*FIBRES], "light": [*LIGHT], "off": [*OFF]}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3, 4])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    args = parser.parse_args()
    print(f"{'':7s}{'':22s}{'frames':>8s}{'with rows':>11s}{'rows found':>12s}{'others':>12s}")
    for kind in args.kinds:
        for name in KINDS[kind]:
            n = with_rows = n_others = others = n_rows = n_found = 0
            for seed in args.seeds:
                for is_stack in (False, True):
                    rng = np.random.default_rng([seed, is_stack, *name.encode()])
                    frames, truth = frames_with(rng, kind, name, is_stack)
                    found = rows_left_out(frames, is_stack)
                    active = truth.any(axis=1)
                    n, with_rows = n + active.sum(), with_rows + found[active].any(axis=1).sum()
                    n_others += (~active).sum()
                    others += found[~active].any(axis=1).sum()
                    n_rows, n_found = n_rows + truth.sum(), n_found + (found & truth).sum()
            part = 100 * n_found / max(n_rows, 1)
            line = f"{kind:7s}{name:22s}{n:8d}{with_rows:11d}{part:10.0f} %"
            print(f"{line}{f'{others} of {n_others}':>13s}", flush=True)


if __name__ == "__main__":
    main()
