"""How often repeats of another place or depth are found in a z-stack, and right ones flagged.

    python benchmarks/lost_repeats.py                     # 60 right stacks and 60 spoiled ones
    python benchmarks/lost_repeats.py --stacks 20 --seed 9 --strategy direct

Every stack is drawn at random: 64, 96, 128 or 128 x 160 px, 5 to 8 slices, 2 to 9 repeats, 1 to 30
photons (at the 99.5th percentile), motion within slices, drift, fading with depth, bleaching, light
that jitters by up to 20 %, slices without signal, cells that light up. In spoiled ones, of 3
repeats or more, some repeats of one to three slices lie 45 px beside or 5 slices deeper, up to half
of them and up to twice as bright. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import Any

from measure import limit_threads

limit_threads()

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from scipy.ndimage import gaussian_filter, shift  # noqa: E402

import napari_zstack_align as nza  # noqa: E402

MARGIN, BESIDE_PX, DEEPER = 60, 45, 5
CELL_PX, DEPTH = 1.8, 1.2
SHAPES = ((64, 64), (96, 96), (128, 128), (128, 160))
Image = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Drawn:
    """A stack: frames (T, Y, X), repeats of a slice, what it is like, and which frames are lost."""

    frames: npt.NDArray[np.uint16]
    repeats: int
    like: dict[str, Any]
    lost: npt.NDArray[np.intp]


def planes(rng: np.random.Generator, n: int, shape: tuple[int, int]) -> tuple[Image, Image]:
    """(n, Y, X) tissue with neuropil, and its cells alone."""
    size = (n + 6, shape[0] + 2 * MARGIN, shape[1] + 2 * MARGIN)
    cells = np.zeros(size, np.float32)
    here = rng.random(size) < 0.0025
    cells[here] = rng.gamma(2.0, 0.5, here.sum())
    cells = gaussian_filter(cells, (DEPTH, CELL_PX, CELL_PX))[3:-3]
    neuropil = gaussian_filter(rng.standard_normal(size).astype(np.float32), (DEPTH, 1.2, 1.2))
    cells /= np.percentile(cells, 99.5)
    tissue = 0.25 + 0.06 * neuropil[3:-3] / neuropil.std() + cells
    return np.clip(tissue, 0.02, None) / 1.2, cells


def drawn(rng: np.random.Generator, is_spoiled: bool) -> Drawn:
    """Draw a stack."""
    n_slices, shape = int(rng.integers(5, 9)), SHAPES[rng.integers(len(SHAPES))]
    repeats = int(rng.choice([3, 4, 5, 6, 9] if is_spoiled else [2, 3, 4, 5, 6, 9]))
    like: dict[str, Any] = {
        "shape": shape,
        "repeats": repeats,
        "photons": float(rng.choice([1, 2, 5, 30])),
        "motion": float(rng.choice([0, 1, 2])),
        "drift": float(rng.choice([0, 8])),
        "fading": float(rng.choice([0, 0.5])),
        "bleaching": float(rng.choice([0, 0.4])),
        "jitter": float(rng.choice([0, 0.2])),
        "empty": int(rng.integers(1, n_slices - 1)) if rng.random() < 0.2 else -1,
        "lit": float(rng.choice([0, 0, 2, 5])),
    }
    lost = {}
    if is_spoiled:
        like["empty"], like["lit"] = -1, 0.0
        n_lost = int(rng.integers(1, repeats // 2 + 1))
        first, n = int(rng.integers(n_slices)), int(rng.choice([1, 1, 3]))
        like["lost"] = n_lost, "beside" if rng.random() < 0.5 else "deeper"
        like["slices"] = first, n
        like["times"] = float(rng.choice([1, 1.35, 2]))
        for z in range(first, min(first + n, n_slices)):
            for r in rng.choice(repeats, n_lost, replace=False):
                lost[z * repeats + int(r)] = like["lost"][1]
    tissue, cells = planes(rng, n_slices + DEEPER, shape)
    return Drawn(_frames(rng, tissue, cells, like, n_slices, lost), repeats, like, _ordered(lost))


def _ordered(lost: dict[int, str]) -> npt.NDArray[np.intp]:
    return np.array(sorted(lost), np.intp)


def _frames(
    rng: np.random.Generator,
    tissue: Image,
    cells: Image,
    like: dict[str, Any],
    n_slices: int,
    lost: dict[int, str],
) -> npt.NDArray[np.uint16]:
    count = n_slices * like["repeats"]
    lit_cells = cells * (gaussian_filter(rng.standard_normal(cells.shape[1:]), 6) > 0)
    frames = []
    for t in range(count):
        z = t // like["repeats"]
        place = rng.normal(0, like["motion"], 2) + like["drift"] * t / count
        light = 1 - like["fading"] * z / n_slices - like["bleaching"] * t / count
        light *= float(np.clip(rng.normal(1, like["jitter"]), 0.5, 1.5)) if like["jitter"] else 1
        kind = lost.get(t)
        light *= like["times"] if kind else 1
        z += DEEPER if kind == "deeper" else 0
        place[1] += BESIDE_PX if kind == "beside" else 0
        image = tissue[z]
        if like["lit"] and t % 3 == 1:
            image = image + (like["lit"] - 1) * lit_cells[z]
        inner = np.s_[MARGIN:-MARGIN, MARGIN:-MARGIN]
        image = shift(image, place, order=1)[inner] * light * (z != like["empty"])
        frames.append(100 + 40 * rng.poisson(like["photons"] * np.clip(image, 0, None)))
    counts = np.asarray(frames) + rng.normal(0, 8, (count, *like["shape"]))
    return np.clip(counts, 0, 65535).astype(np.uint16)


def judged(stack: Drawn, strategy: str) -> Any:
    """Return the alignment of a stack."""
    frames = nza.Stack.from_array(stack.frames, frames_per_slice=stack.repeats)
    return nza.run(nza.align_adaptive(frames, nza.AdaptiveParams(strategy=strategy)))


def main() -> None:
    """Print both counts, and every stack that was judged wrongly."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stacks", type=int, default=60, help="of either kind")
    parser.add_argument("--seed", type=int, default=71)
    parser.add_argument("--strategy", default="two_stage", choices=["two_stage", "direct"])
    parser.add_argument("--warned", default="show different places", help="words of the warning")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    count: Counter[str] = Counter()
    for i in range(given.stacks):
        for is_spoiled in (False, True):
            stack = drawn(np.random.default_rng([given.seed, i, is_spoiled]), is_spoiled)
            alignment = judged(stack, given.strategy)
            quality = alignment.quality
            is_lost = np.isin(quality["frame"], stack.lost)
            told = any(given.warned in str(remark) for remark in alignment.remarks)
            left_in = int((quality["used"] & is_lost).sum())
            shows = quality["slice"] != stack.like["empty"]
            wrong = int((~quality["used"] & ~is_lost & shows).sum())
            of = "spoiled" if is_spoiled else "right"
            count[f"{of} stacks"] += 1
            count[f"{of} stacks warned of"] += told
            count[f"right frames left out of {of} stacks"] += wrong
            if is_spoiled:
                count["lost frames"] += len(stack.lost)
                count["lost frames left in"] += left_in
                count["stacks with lost frames left in"] += left_in > 0
                count["... of these neither warned of nor flagged"] += (
                    left_in > 0 and not told and not (quality["flag"][is_lost] != "").any()
                )
            others = Counter(str(d)[:40] for d in quality["detail"][~quality["used"] & ~is_lost])
            if wrong or left_in or (told and not is_spoiled):
                print(
                    i, of, f"{wrong} wrong, {left_in} left in, warned {told}:", others, stack.like
                )
    for what, n in sorted(count.items()):
        print(f"{what}: {n}")


if __name__ == "__main__":
    main()
