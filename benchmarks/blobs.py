"""Blob detection: time of a slider's tick against scikit-image, and what is found in real images.

    python benchmarks/blobs.py                     # ticks at 512² and 2048², quality
    python benchmarks/blobs.py --sizes 512 --rounds 21 --json out.json

Must: a tick of a threshold or overlap in 3 ms and a change of sigma in 60 ms at 512²; F1 0.88 on
the nuclei, recall 0.9 on the brain. The quality is left out where the real data isn't beside the
project.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measure import limit_threads

limit_threads()

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import tifffile  # noqa: E402
from scipy.sparse import csr_array  # noqa: E402
from scipy.sparse.csgraph import maximum_bipartite_matching  # noqa: E402
from skimage.feature import blob_dog, blob_doh, blob_log  # noqa: E402

import napari_zstack_align as nza  # noqa: E402
from napari_zstack_align.cells import ScaleSpace, detect, detect_cells  # noqa: E402
from napari_zstack_align.cells.matching import scores  # noqa: E402

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
METHODS = ("log", "dog", "doh")
CELLS_PER_MEGAPIXEL = 1000
BRAIN = nza.BlobParams(
    min_sigma=2.5,
    max_sigma=5,
    num_sigma=5,
    threshold=0.02,
    threshold_rel=0,
    overlap=0.3,
    exclude_border=0,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 2048])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    figures: dict[str, Any] = {"latency": [], "quality": {}}
    print(
        f"{'size':>5} {'method':6} {'blobs':>6} {'skimage':>9} {'sigma':>8} {'threshold':>9} "
        f"{'relative':>8} {'overlap':>8}   medians in ms"
    )
    for size in args.sizes:
        image = generated(size)
        for method in METHODS:
            row = latency(image, nza.BlobParams(method=method), args.rounds)
            figures["latency"].append(row)
            print(
                f"{size:5} {method:6} {row['blobs']:6} {row['skimage_ms']:9.0f} "
                f"{row['sigma_ms']:8.1f} {row['threshold_ms']:9.2f} {row['threshold_rel_ms']:8.2f} "
                f"{row['overlap_ms']:8.2f}"
            )
    if DATA.is_dir():
        figures["quality"] = {"nuclei": nuclei(), "brain": brain()}
        for name, values in figures["quality"].items():
            print(name, ", ".join(f"{key} {value:.3g}" for key, value in values.items()))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1))


def generated(side: int) -> np.ndarray:
    """Cells of 3 to 6 px across on a blurred background with noise, in [0, 1]."""
    rng = np.random.default_rng(0)
    image = np.zeros((side, side))
    for _ in range(side * side * CELLS_PER_MEGAPIXEL // 2**20):
        y, x = rng.integers(8, side - 8, 2)
        offsets = np.arange(-8, 9) - rng.uniform(-0.5, 0.5)
        spot = np.exp(-(offsets**2) / (2 * rng.uniform(1.1, 2.2) ** 2))
        image[y - 8 : y + 9, x - 8 : x + 9] += rng.uniform(0.3, 1.0) * np.outer(spot, spot)
    image += cv2.GaussianBlur(rng.random((side, side)), (0, 0), 12) * 2
    image += rng.normal(0, 0.03, image.shape)
    return (image - image.min()) / np.ptp(image)


def latency(image: np.ndarray, params: nza.BlobParams, rounds: int) -> dict[str, Any]:
    """Medians: scikit-image; a change of sigma; ticks of three sliders, each at another value."""
    space = ScaleSpace.build(image, params)
    size = len(image)
    return {
        "size": size,
        "method": params.method,
        "blobs": len(detect(space, params)),
        "skimage_ms": median_ms(lambda _: scikit_image(image, params), 3 if size < 1000 else 1),
        "sigma_ms": median_ms(lambda k: change_sigma(image, params, k), max(rounds // 2, 3)),
        "threshold_ms": ticks(space, params, "threshold", rounds),
        "threshold_rel_ms": ticks(space, params, "threshold_rel", rounds),
        "overlap_ms": ticks(space, params, "overlap", rounds),
    }


def ticks(space: ScaleSpace, params: nza.BlobParams, name: str, rounds: int) -> float:
    """A slider that goes from half its value to one and a half."""
    values = [getattr(params, name) * (0.5 + k / rounds) for k in range(rounds)]
    return median_ms(lambda k: detect(space, params.replace(**{name: values[k]})), rounds)


def change_sigma(image: np.ndarray, params: nza.BlobParams, k: int) -> None:
    changed = params.replace(max_sigma=params.max_sigma + 0.1 * (k + 1))
    detect(ScaleSpace.build(image, changed), changed)


def scikit_image(image: np.ndarray, params: nza.BlobParams) -> np.ndarray:
    common = {
        name: getattr(params, name)
        for name in ("min_sigma", "max_sigma", "threshold", "threshold_rel", "overlap")
    }
    if params.method == "doh":
        return blob_doh(image, num_sigma=params.num_sigma, **common)
    common["exclude_border"] = params.exclude_border
    if params.method == "dog":
        return blob_dog(image, sigma_ratio=params.sigma_ratio, **common)
    return blob_log(image, num_sigma=params.num_sigma, **common)


def median_ms(work: Callable[[int], object], rounds: int) -> float:
    seconds = []
    for k in range(rounds):
        start = time.perf_counter()
        work(k)
        seconds.append(time.perf_counter() - start)
    return 1000 * float(np.median(seconds))


def nuclei() -> dict[str, float]:
    """The preset on 125 hand-drawn nuclei; a pair lies within a distance, one to one."""
    folder = DATA / "stardist_dsb2d"
    truth = np.genfromtxt(folder / "centroids.csv", delimiter=",", names=True)
    centres = np.column_stack([truth["y"], truth["x"]])
    found = nza.detect_blobs(tifffile.imread(folder / "img2d.tif"), nza.BlobParams.nuclei())
    limits = {"within the radius": np.sqrt(truth["area"] / np.pi), "within 6 px": 6.0}
    figures = {}
    for name, limit in limits.items():
        values = scores(found[:, :2], centres, limit)
        for key, value in zip(("precision", "recall", "F1"), values, strict=True):
            figures[f"{key} {name}"] = value
    return figures


def brain() -> dict[str, float]:
    """Recall of 56 cells of another program; cells found upside down are taken for false."""
    folder = DATA / "cellfinder_crop3d"
    volume = tifffile.imread(folder / "crop_planes_ch0.tif")
    numbers = re.findall(
        r"<Marker[XYZ]>(\d+)</Marker[XYZ]>", (folder / "cell_classification.xml").read_text()
    )
    points = np.array(numbers, int).reshape(-1, 3)
    start = time.perf_counter()
    cells = nza.run(detect_cells(volume, BRAIN))
    seconds = time.perf_counter() - start
    upside_down = nza.run(detect_cells(volume.max() - volume.astype(np.int32), BRAIN))
    found, one_to_one = recall(points, cells)
    return {
        "recall": found,
        "recall one to one": one_to_one,
        "cells": len(cells),
        "precision proxy": 1 - len(upside_down) / len(cells),
        "seconds": seconds,
    }


def recall(points: np.ndarray, cells: nza.Rois) -> tuple[float, float]:
    """Part of points (x, y, z) with a cell in the same slice or the next.

    First with any within 5 px, then one to one, as many pairs as can be within 8 px.
    """
    x, y, z = points[:, :, np.newaxis].swapaxes(0, 1)
    first, last = cells.slices.T
    apart = np.hypot(cells.circles[:, 0] - y, cells.circles[:, 1] - x)
    apart[(first > z + 1) | (last < z - 1)] = np.inf
    pairs = maximum_bipartite_matching(csr_array(apart <= 8))
    return float(np.mean(apart.min(axis=1) <= 5)), float(np.sum(pairs >= 0) / len(points))


if __name__ == "__main__":
    main()
