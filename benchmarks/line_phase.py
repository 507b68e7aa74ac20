"""Line phase of bidirectional scanning: what it costs a volume, and how well it is found.

    python benchmarks/line_phase.py
    python benchmarks/line_phase.py --seeds 5

1. The volume of an aligned z-stack, correlated with the truth slice by slice: as scanned, with
   every second line 3 px to the right, and with that corrected (``line_phase='auto'``).
2. Bias and spread of the estimate on 50 frames of 3 photons a pixel, and the errors it gives.
3. How often 'auto' would move lines that lie right: real data, generated z-stacks, tissue that is
   tilted, tissue that drifts, noise.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from measure import limit_threads

limit_threads()

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
import tifffile  # noqa: E402
from scipy.ndimage import gaussian_filter, shift  # noqa: E402

import napari_zstack_align as nza  # noqa: E402
from napari_zstack_align.samples import zstack_with_repeats  # noqa: E402

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
PX, EDGE = 3, 16
"""Phase in px of the z-stacks; pixels at the edges of a volume that don't count."""
Frames = npt.NDArray[np.uint16]
Image = npt.NDArray[np.float64]


def with_phase(frames: Frames, px: int) -> Frames:
    """Every odd line of frames (..., Y, X) moved to the right, as a delay of the scanner does."""
    moved = frames.copy()
    moved[..., 1::2, :] = np.roll(frames[..., 1::2, :], px, axis=-1)
    return moved


# -- what a phase costs a volume ------------------------------------------------------------------


def volumes(seeds: range) -> Iterator[tuple[str, Frames, int, Image]]:
    """Name, frames, repeats and truth (Z, Y, X) of each z-stack."""
    for seed in seeds:
        for photons in (3.0, 20.0):
            made = zstack_with_repeats(
                n_slices=5, n_repeats=9, size=256, photons=photons, seed=seed
            )
            frames = made.stack.read(0, made.stack.n_frames)[:, 0]
            yield f"generated, {photons:g} photons, seed {seed}", frames, 9, made.clean
    real = DATA / "zstack_repeats"
    if real.is_dir():
        yield (
            "real planes",
            tifffile.imread(real / "stack.tif"),
            7,
            tifffile.imread(real / "clean.tif"),
        )


def correlation(path: Path, n_repeats: int, truth: Image, **said: object) -> float:
    """Median over slices of the correlation of the aligned volume with the truth."""
    stack = nza.open_stack(path, frames_per_slice=n_repeats, **said)
    volume = nza.run(nza.align_adaptive(stack)).volume().compute()
    inside = (slice(EDGE, -EDGE), slice(EDGE, -EDGE))
    found = []
    for ours, clean in zip(volume, truth, strict=True):
        a, b = ours[inside], np.asarray(clean, float)[inside]
        known = np.isfinite(a)
        found.append(np.corrcoef(a[known], b[known])[0, 1])
    return float(np.median(found))


def compare_volumes(seeds: range) -> None:
    """Print what a phase of 3 px costs, and what its correction brings back."""
    print(f"Correlation of the volume with the truth, a phase of {PX} px")
    print("z-stack                          as scanned    phase   corrected   sub-pixel")
    with TemporaryDirectory() as folder:
        clean, moved = Path(folder) / "clean.tif", Path(folder) / "moved.tif"
        for name, frames, n_repeats, truth in volumes(seeds):
            tifffile.imwrite(clean, frames)
            tifffile.imwrite(moved, with_phase(frames, PX))
            middle = shift(truth, (0, 0, PX / 2))  # all lines are moved there, by half each
            figures = (
                correlation(clean, n_repeats, truth),
                correlation(moved, n_repeats, truth),
                correlation(moved, n_repeats, truth, line_phase="auto"),
                correlation(moved, n_repeats, middle, line_phase="auto", line_phase_subpixel=True),
            )
            print(f"{name:34}" + "".join(f"{figure:11.3f}" for figure in figures), flush=True)


# -- bias, and errors that are true ---------------------------------------------------------------


def tissue(rng: np.random.Generator, size: int = 256) -> Image:
    """Cells over neuropil, whose mean is 1."""
    cells = gaussian_filter((rng.random((size, size)) < 0.01) * rng.gamma(2, 1, (size, size)), 2)
    neuropil = gaussian_filter(rng.normal(size=(size, size)), 2)
    image = np.clip(cells / cells.mean() + 1 + 0.3 * neuropil / neuropil.std(), 0.05, None)
    return np.asarray(image / image.mean())


def scanned(image: Image, px: float) -> Image:
    """Every odd line moved to the right by a part of a pixel, without blur."""
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(image.shape[1]) * px)
    moved = image.copy()
    moved[1::2] = np.fft.irfft(np.fft.rfft(image, axis=1) * turn, image.shape[1], axis=1)[1::2]
    return np.clip(moved, 0, None)


def frames_of(rng: np.random.Generator, image: Image, n: int, photons: float) -> Frames:
    """Frames of a photomultiplier: 20 counts a photon, 100 in the dark, read noise of 6."""
    counts = 100 + 20 * rng.poisson(photons * image, (n, *image.shape))
    return np.clip(np.rint(counts + rng.normal(0, 6, counts.shape)), 0, 65535).astype(np.uint16)


def estimate(frames: Frames, **described: object) -> nza.LinePhase:
    return nza.estimate_line_phase(nza.Stack.from_array(frames, **described))


def compare_estimates(n: int) -> None:
    """Print bias and errors of the estimate for known phases."""
    print(f"\nEstimate on 50 frames of 256 x 256, {n} pieces of tissue each")
    print("photons   phase     bias   spread   mean error   within 3 errors   applied")
    for photons in (0.5, 3.0, 20.0):
        for px in (0.0, 0.3, 1.5, -2.0, 3.0, 2.7):
            found = []
            for seed in range(n):
                rng = np.random.default_rng(seed)
                found.append(estimate(frames_of(rng, scanned(tissue(rng), px), 50, photons)))
            off = np.array([each.px for each in found]) - px
            errors = np.array([each.error for each in found])
            print(
                f"{photons:7g}{px:8g}{off.mean():9.3f}{off.std():9.3f}{errors.mean():13.3f}"
                f"{100 * np.mean(np.abs(off) < 3 * errors):16.0f} %"
                f"{sum(each.value is not None for each in found):9}",
                flush=True,
            )


# -- lines that lie right -------------------------------------------------------------------------


def real_stacks() -> Iterator[tuple[str, nza.Stack]]:
    """Real data whose lines lie right, as far as anybody knows."""
    if not DATA.is_dir():
        return
    yield "still", nza.open_stack(DATA / "fmi_grin2p" / "still.tif")
    for n in (1, 2, 3):
        path = DATA / "recordings_drift" / f"recording_{n}.tif"
        yield path.stem, nza.open_stack(path)
    yield "repeats", nza.open_stack(DATA / "zstack_repeats" / "stack.tif", frames_per_slice=7)
    yield "mouse", nza.open_stack(DATA / "thunder_mouse2p" / "mouse.tif")
    yield (
        "fish",
        nza.open_stack(DATA / "thunder_fish_ls" / "fish.tif", frames_per_slice=240, order="slices"),
    )
    for path in sorted((DATA / "zebrafish_prepost_1").glob("*.tif")):
        yield path.stem, nza.open_stack(path, frames_per_slice=1)
    crop = DATA / "cellfinder_crop3d" / "crop_planes_ch0.tif"
    yield "cellfinder", nza.open_stack(crop, frames_per_slice=1)


def larva(rng: np.random.Generator, size: int) -> Image:
    """An animal in the dark: an ellipse of cells with a sharp skin, turned by any angle."""
    y, x = np.mgrid[:size, :size] / size - rng.uniform(0.4, 0.6, (2, 1, 1))
    angle = rng.uniform(0, np.pi)
    along, across = (x * np.cos(a) + y * np.sin(a) for a in (angle, angle + np.pi / 2))
    inside = 1 / (1 + np.exp((np.hypot(along / 0.42, across / 0.16) - 1) * 40))
    return inside * tissue(rng, size) + 0.6 * inside * (1 - inside) + 0.02


def sheared(rng: np.random.Generator, size: int) -> Image:
    """Fibres that all run the same way, aslant."""
    image, lean = tissue(rng, size), rng.uniform(-2, 2)
    fibres = gaussian_filter(rng.normal(size=(size, size)), (12, 1.2))
    image += np.clip(2 * fibres / fibres.std(), 0, None)
    rows = [shift(row, lean * y, order=1, mode="wrap") for y, row in enumerate(image)]
    return np.stack(rows)


def moving(rng: np.random.Generator, size: int, n: int, photons: float) -> Frames:
    """Tissue that drifts, breathes and jumps while it is scanned, line by line."""
    image = tissue(rng, size)
    lines = np.arange(n * size) / size  # in frames
    x = np.arange(size)
    path = rng.uniform(-0.2, 0.2) * lines
    for _ in range(3):
        path += rng.uniform(0.5, 4) * np.sin(
            2 * np.pi * rng.uniform(0.02, 1.5) * lines + rng.uniform(0, 2 * np.pi)
        )
    path += 5 * np.cumsum(rng.random(len(lines)) < 0.3 / size) % 2
    expected = np.empty((n, size, size))
    for t in range(n):
        for y in range(size):
            expected[t, y] = np.interp(x + path[t * size + y], x, image[y])
    return np.asarray(100 + 20 * rng.poisson(photons * expected), np.uint16)


def clean_stacks(n: int) -> Iterator[tuple[str, nza.Stack]]:
    """Generated stacks whose lines lie right."""
    for seed in range(n):
        rng = np.random.default_rng(seed)
        photons, size = float(rng.choice([0.5, 3, 20])), int(rng.choice([64, 128, 256]))
        for kind, image in (
            ("tissue", tissue(rng, size)),
            ("larva", larva(rng, size)),
            ("aslant", sheared(rng, size)),
            ("noise", np.ones((size, size))),
            (
                "stripes",
                1 + 0.5 * np.sin(np.arange(size) * rng.uniform(0.2, 2)) * np.ones((size, 1)),
            ),
        ):
            yield kind, nza.Stack.from_array(frames_of(rng, image, 50, photons))
        yield "moving", nza.Stack.from_array(moving(rng, size, 50, photons))
        if seed < n // 4:
            made = zstack_with_repeats(
                n_slices=4, n_repeats=13, size=size, photons=photons, seed=seed
            )
            yield "z-stack", made.stack


def count_false(n: int) -> None:
    """Print how often lines that lie right would be moved."""
    print(
        "\nLines that lie right: how many would be moved, and the largest estimates of the others"
    )
    print("kind          stacks   moved   told   largest |px| told")
    found: dict[str, list[nza.LinePhase]] = {}
    for kind, stack in clean_stacks(n):
        found.setdefault(kind, []).append(nza.estimate_line_phase(stack))
    for name, stack in real_stacks():
        found.setdefault("real data", []).append(nza.estimate_line_phase(stack))
        print(f"  {name}: {found['real data'][-1].figures}")
    for kind, each in found.items():
        told = [abs(one.px) for one in each if one.is_told]
        moved = sum(one.value is not None for one in each)
        largest = f"{max(told):.3f}" if told else "-"
        print(f"{kind:14}{len(each):6}{moved:8}{len(told):7}   {largest}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=2, help="generated z-stacks [2]")
    parser.add_argument("--tissues", type=int, default=10, help="of each phase [10]")
    parser.add_argument("--clean", type=int, default=40, help="of each kind [40]")
    args = parser.parse_args()
    compare_estimates(args.tissues)
    count_false(args.clean)
    compare_volumes(range(args.seeds))
