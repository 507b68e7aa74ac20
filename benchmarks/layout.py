"""How often `check_layout` calls a right layout wrong, and how often it finds a wrong one.

    python benchmarks/layout.py                       # 300 right stacks and 100 wrong ones
    python benchmarks/layout.py --stacks 600 --seed 9
    python benchmarks/layout.py --own                 # the package's own samples: right stacks too
    python benchmarks/layout.py --references          # z-shift references: slices, and raw repeats

Every stack is drawn at random: 3 to 25 slices of 1 to 4 µm, axial resolution 3 to 8 µm, 2 to 15
repeats, 3 to 20 photons (at the 99.5th percentile, with a background of up to 5), motion within and
between slices, nonrigid motion, drift, fading with depth, bleaching, slices without signal; 128 px.
Wrong ones are scans up and down (ends once or twice), the other order, and one plane. Of references
the right ones are 4 to 60 slices 1 to 5 µm apart with 3 to 50 photons, single images or means; the
wrong ones are 3 to 8 slices of 2 to 4 repeats, taken for slices.
"""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

from measure import limit_threads

limit_threads()

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from scipy.ndimage import gaussian_filter  # noqa: E402

import napari_zstack_align as nza  # noqa: E402
from napari_zstack_align.read import check_slices  # noqa: E402
from napari_zstack_align.samples import recording_with_zshift, zstack_with_repeats  # noqa: E402

SIZE, MARGIN = 128, 24
Frames = npt.NDArray[np.uint16]
MOST_FRAMES = 260


def planes(rng: np.random.Generator, n: int, step_um: float, axial_um: float) -> Any:
    """(n, Y, X) tissue of cells, blurred axially as by the microscope."""
    side = SIZE + 2 * MARGIN
    density = 0.002 / max(1, 6 / step_um)
    tissue = np.zeros((n + 8, side, side), np.float32)
    cells = rng.random(tissue.shape) < density
    tissue[cells] = rng.gamma(1.5, 1.0, cells.sum())
    blur = max(axial_um, 6.0) / 2.355 / step_um
    tissue = gaussian_filter(tissue, (blur, 1.8, 1.8))[4 : 4 + n]
    shade = gaussian_filter(rng.random((side, side)), 12)
    shade = (shade - shade.min()) / (shade.max() - shade.min())
    return tissue / np.percentile(tissue, 99.5) + 0.05 * shade


def order_of(kind: str, n_planes: int, n: int) -> npt.NDArray[np.intp]:
    """Plane of each frame."""
    up = np.arange(n_planes)
    if kind == "repeats":
        return up.repeat(n)
    if kind == "slices":
        return np.tile(up, n)
    if kind == "up and down":
        return np.resize(np.concatenate([up, up[::-1]]), n_planes * n)
    if kind == "turning":
        return np.resize(np.concatenate([up, up[-2:0:-1]]), n_planes * n)
    return np.full(n_planes * n, n_planes // 2)


def drawn(rng: np.random.Generator) -> dict[str, Any]:
    """Draw what a stack is like."""
    n = int(rng.choice([2, 2, 3, 4, 5, 9, 15]))
    return {
        "n": n,
        "n_planes": min(int(rng.integers(3, 26)), max(MOST_FRAMES // n, 3)),
        "step_um": float(rng.choice([1, 1, 2, 4])),
        "axial_um": float(rng.choice([3, 5, 8])),
        "photons": float(rng.choice([3, 3, 8, 20])),
        "motion": float(rng.choice([0, 1, 3, 5])),
        "nonrigid": float(rng.choice([0, 1, 2])),
        "jump": float(rng.choice([0, 0, 3])),
        "drift": float(rng.choice([0, 0, 10])),
        "fade": float(rng.choice([0, 0, 1, 3])),
        "bleach": float(rng.choice([0, 0, 0.3, 0.6])),
        "empty": float(rng.choice([0, 0, 0.2, 0.5])),
        "dark": float(rng.choice([0, 1, 5])),
    }


def made(rng: np.random.Generator, kind: str, like: dict[str, Any]) -> Frames:
    """(T, Y, X) frames of a stack."""
    n_planes = like["n_planes"]
    tissue = planes(rng, n_planes, like["step_um"], like["axial_um"])
    tissue *= np.exp(-like["fade"] * np.linspace(0, 1, n_planes))[:, None, None]
    empty = round(like["empty"] * n_planes)
    first = (0, n_planes - empty, (n_planes - empty) // 2)[rng.integers(3)]
    tissue[first : first + empty] = 0.02
    order = order_of(kind, n_planes, like["n"])
    walk = np.cumsum(rng.normal(0, 0.4 * like["motion"], (len(order), 2)), axis=0)
    walk -= gaussian_filter(walk, (len(order) / 6, 0))
    walk += np.linspace(0, like["drift"], len(order))[:, None]
    walk += rng.normal(0, like["jump"], (n_planes, 2))[order]
    walk = np.clip(walk, 4 - MARGIN, MARGIN - 4)
    y, x = np.mgrid[:SIZE, :SIZE] + MARGIN
    frames = np.empty((len(order), SIZE, SIZE), np.uint16)
    for t, plane in enumerate(order):
        bends = rng.normal(0, like["nonrigid"], (2, 4, 4)).astype(np.float32)
        dy, dx = (cv2.resize(b, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC) for b in bends)
        at = [
            (p + s + d).astype(np.float32)
            for p, s, d in zip((y, x), walk[t], (dy, dx), strict=True)
        ]
        image = cv2.remap(tissue[plane].astype(np.float32), at[1], at[0], cv2.INTER_LINEAR)
        light = like["photons"] * (1 - like["bleach"]) ** (t / len(order))
        frames[t] = rng.poisson(np.maximum(image, 0) * light + like["dark"])
    return frames


def right(n_stacks: int, seed: int) -> None:
    """Print the verdicts on stacks whose layout is right."""
    rng = np.random.default_rng(seed)
    verdicts: Counter[str] = Counter()
    for _ in range(n_stacks):
        like, order = drawn(rng), ("repeats", "slices")[rng.integers(2)]
        frames = made(rng, order, like)
        report = verdict(frames, like["n"], order)
        verdicts[report.verdict] += 1
        if report.verdict == "wrong":
            print(f"  {order}: {like}: {report}")
    print(f"right layouts, {n_stacks}: {dict(verdicts)}")


WRONG = {
    "up and down": ("slices", "repeats"),
    "turning": ("slices",),
    "slices": ("repeats",),
    "repeats": ("slices",),
    "one plane": ("repeats", "slices"),
}


def wrong(n_stacks: int, seed: int) -> None:
    """Print the verdicts on stacks whose layout is wrong, with at least 5 slices × 4 repeats."""
    rng = np.random.default_rng(seed)
    verdicts: dict[str, Counter[str]] = {kind: Counter() for kind in WRONG}
    for i in range(n_stacks):
        kind = list(WRONG)[i % len(WRONG)]
        like = drawn(rng)
        like["n"], like["n_planes"] = max(like["n"], 4), max(like["n_planes"], 5)
        like["empty"] = min(like["empty"], 0.2)
        given = WRONG[kind][rng.integers(len(WRONG[kind]))]
        report = verdict(made(rng, kind, like), like["n"], given)
        verdicts[kind][f"{report.verdict} {report.looks_like}".strip()] += 1
    for kind, counts in verdicts.items():
        print(f"wrong layouts, {kind}: {dict(counts)}")


def own(n_stacks: int, seed: int) -> None:
    """Print the verdicts on the package's samples, whose layout is right."""
    verdicts: Counter[str] = Counter()
    rng = np.random.default_rng(seed)
    for _ in range(n_stacks):
        sample = zstack_with_repeats(
            n_slices=int(rng.integers(3, 13)),
            n_repeats=int(rng.choice([2, 4, 9])),
            size=128,
            photons=float(rng.choice([3, 20])),
            slice_correlation=float(rng.choice([0.94, 0.97, 0.99])),
            order=("repeats", "slices")[rng.integers(2)],
            bleaching=float(rng.choice([0, 0.4])),
            seed=int(rng.integers(2**31)),
        )
        verdicts[nza.run(nza.check_layout(sample.stack)).verdict] += 1
    print(f"right layouts of the samples, {n_stacks}: {dict(verdicts)}")


def references(n_stacks: int, seed: int) -> None:
    """Print what images look like that are given as the slices of a reference."""
    rng = np.random.default_rng(seed)
    looks: dict[str, Counter[str]] = {"right": Counter(), "wrong": Counter()}
    for _ in range(n_stacks):
        report = nza.run(check_slices(nza.Stack.from_array(_slices(rng), "ZYX")))
        looks["right"][report.looks_like or "slices"] += 1
        n_repeats, frames = _repeats(rng)
        report = nza.run(check_slices(nza.Stack.from_array(frames, "ZYX")))
        found = report.looks_like or "slices"
        is_right = found == "repeats" and report.length == n_repeats
        looks["wrong"]["the right repeats" if is_right else found] += 1
    for kind, counts in looks.items():
        print(f"{kind} references, {n_stacks}: {dict(counts)}")


def _slices(rng: np.random.Generator) -> npt.NDArray[Any]:
    """(Z, Y, X) slices, one image or a mean each."""
    n = int(rng.choice([4, 5, 6, 7, 8, 9, 10, 12, 15, 16, 18, 20, 24, 30, 40, 60]))
    photons = float(rng.choice([3, 5, 10, 20, 50]))
    which = rng.integers(3)
    if which == 0:
        step = float(rng.choice([1, 2, 3, 5]))
        sample = recording_with_zshift(
            n_frames=1,
            n_slices=min(n, int(80 / step)),
            size=SIZE,
            z_step_um=step,
            photons=photons,
            reference_repeats=int(rng.choice([1, 3, 10])),
            laser_ramp=float(rng.integers(2)),
            seed=int(rng.integers(2**31)),
        )
        return sample.reference.read(0, sample.reference.n_frames)[:, 0]
    if which == 1:
        return _of_sample(rng, n, 1, photons)
    like = drawn(rng)
    like["n"], like["n_planes"] = 1, n
    return made(rng, "repeats", like)


def _repeats(rng: np.random.Generator) -> tuple[int, npt.NDArray[Any]]:
    """Number of repeats, and (T, Y, X) frames."""
    n_slices, n_repeats = (
        int(rng.choice([3, 4, 4, 5, 5, 6, 6, 8])),
        int(rng.choice([2, 2, 3, 3, 4])),
    )
    if rng.integers(2):
        return n_repeats, _of_sample(
            rng, n_slices, n_repeats, float(rng.choice([3, 5, 10, 20, 50]))
        )
    like = drawn(rng)
    like["n"], like["n_planes"], like["empty"] = n_repeats, n_slices, 0
    return n_repeats, made(rng, "repeats", like)


def _of_sample(
    rng: np.random.Generator, n_slices: int, n_repeats: int, photons: float
) -> npt.NDArray[Any]:
    """(T, Y, X) frames of the package's sample."""
    sample = zstack_with_repeats(
        n_slices=n_slices,
        n_repeats=n_repeats,
        size=SIZE,
        photons=photons,
        slice_correlation=float(rng.choice([0.9, 0.94, 0.97, 0.99])),
        max_displacement_px=float(rng.choice([1, 5])),
        drift_px=float(rng.choice([0, 6])),
        jump_px=float(rng.choice([0, 3])),
        bleaching=float(rng.choice([0, 0.4])),
        seed=int(rng.integers(2**31)),
    )
    return sample.stack.read(0, sample.stack.n_frames)[:, 0]


def verdict(frames: Frames, n: int, order: Any) -> nza.LayoutReport:
    """Check a layout."""
    return nza.run(nza.check_layout(nza.Stack.from_array(frames, frames_per_slice=n, order=order)))


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stacks", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--own", action="store_true")
    parser.add_argument("--references", action="store_true")
    args = parser.parse_args()
    if args.own:
        own(args.stacks, args.seed)
        return
    if args.references:
        references(args.stacks, args.seed)
        return
    right(args.stacks, args.seed)
    wrong(args.stacks // 3, args.seed + 1)


if __name__ == "__main__":
    main()
