"""ROIs carried to another reference: how far from the cells they land; verdicts on planes.

    python benchmarks/carry.py                     # sessions, a z-stack, and planes
    python benchmarks/carry.py --seeds 7 --json out.json

Every alignment is registered by us. A cell's place on a reference is the mean of where its true
places in the used frames come to lie: there the image shows it. Must: a mean error of 0.1 px
where all recordings stay, and no false alarm of another plane.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from measure import limit_threads

limit_threads()

import numpy as np  # noqa: E402

import napari_zstack_align as nza  # noqa: E402
from napari_zstack_align.alignment.references import PlaneVerdict, verdict_on  # noqa: E402
from napari_zstack_align.samples.anatomy import Anatomy  # noqa: E402
from napari_zstack_align.samples.detector import Detector  # noqa: E402
from napari_zstack_align.samples.session import session_with_motion  # noqa: E402
from napari_zstack_align.samples.zstack import sample_plane, zstack_with_repeats  # noqa: E402

SIDE, BORDER_PX, EVERY = 256, 12, 4
CHANGES = {
    "another recording first": ((0, 1, 2), nza.KeypointParams(reference_recording=0)),
    "last recording removed": ((0, 1), nza.KeypointParams()),
    "reference recording removed": ((0, 2), nza.KeypointParams()),
    "order changed": ((1, 2, 0), nza.KeypointParams()),
}
DEPTHS_PX = (0, 1, 2, 4, 6, 8, 12)
PLANE_SEEDS, PLANE_FRAMES, PLANE_PHOTONS = range(12), (20, 100), (3.0, 20.0)

Place = Callable[[np.ndarray, int], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description="How exactly ROIs are carried.")
    parser.add_argument("--seeds", type=int, nargs="+", default=[301, 302, 303])
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows = [row for seed in args.seeds for row in (*sessions(seed), z_stack(seed))]
    print(f"{'':30}{'moved':>7}{'mean':>7}{'p95':>7}{'max':>7}{'spread':>8}{'check':>8}{'ms':>6}")
    for name in dict.fromkeys(row["name"] for row in rows):
        print(line(name, [row for row in rows if row["name"] == name]))
    figures = {"rois": rows, "planes": planes()}
    for row in figures["planes"]:
        print(
            f"{row['depth_px']:3} px deeper: correlation / allowed {row['low']:.2f} to "
            f"{row['high']:.2f}, another plane in {row['another']} of {row['of']}"
        )
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1))


def sessions(seed: int) -> list[dict[str, Any]]:
    """Three recordings, registered again in other ways."""
    recordings = session_with_motion(3, n_frames=120, size=SIDE, seed=seed)
    stacks = [each.stack for each in recordings]
    points = recordings[0].cells[:, :2]

    def imaged(alignments: Sequence[nza.Alignment], which: Sequence[int]) -> np.ndarray:
        places = [
            frame_places(alignment, points, affine_place(recordings[i].affine))
            for alignment, i in zip(alignments, which, strict=True)
        ]
        return np.concatenate(places).mean(axis=0)

    old = nza.run(nza.register_recordings(stacks))
    before = imaged(old, range(3))
    rows = []
    for name, (which, params) in CHANGES.items():
        new = nza.run(nza.register_recordings([stacks[i] for i in which], params))
        rows.append(row_of(name, old, new, before, imaged(new, which)))
    return rows


def z_stack(seed: int) -> dict[str, Any]:
    """Four slices, aligned again by another strategy; ROIs belong to slices."""
    sample = zstack_with_repeats(n_slices=4, n_repeats=7, size=SIDE, drift_px=4, seed=seed)
    rng = np.random.default_rng(seed)
    points = rng.uniform(2 * BORDER_PX, SIDE - 2 * BORDER_PX, (80, 2)).round()
    of_slice = np.arange(80) % 4
    y, x = points.astype(int).T

    def place(points: np.ndarray, t: int) -> np.ndarray:
        return points + sample.displacement(t)[:, y, x].T

    def imaged(alignment: nza.Alignment) -> np.ndarray:
        places = frame_places(alignment, points, place, every=1)
        slices = sample.stack.slice_of_frame[alignment.quality["used"]]
        return np.array([places[slices == z, i].mean(axis=0) for i, z in enumerate(of_slice)])

    old = nza.run(nza.align_adaptive(sample.stack))
    new = nza.run(nza.align_adaptive(sample.stack, nza.AdaptiveParams(strategy="direct")))
    slices = np.column_stack([of_slice, of_slice])
    return row_of("z-stack, another strategy", old, new, imaged(old), imaged(new), slices)


def affine_place(maps: np.ndarray) -> Place:
    """Where points lie in raw frames that move affinely."""
    return lambda points, t: points @ maps[t][:2, :2].T + maps[t][:2, 2]


def frame_places(
    alignment: nza.Alignment, points: np.ndarray, place: Place, every: int = EVERY
) -> np.ndarray:
    """(F, N, 2) where the true places in used frames lie on the reference."""
    frames = np.flatnonzero(alignment.quality["used"])[::every].tolist()
    places = [alignment.transforms.to_reference(place(points, t), t) for t in frames]
    return np.reshape(places, (-1, *points.shape))  # none where a recording wasn't matched


def row_of(
    name: str,
    old: Any,
    new: Any,
    before: np.ndarray,
    after: np.ndarray,
    slices: np.ndarray | None = None,
) -> dict[str, Any]:
    """Carry circles from where the old reference shows cells, and compare with the new one."""
    both = np.stack([before, after])
    seen = ((both > BORDER_PX) & (both < SIDE - 1 - BORDER_PX)).all(axis=(0, 2))
    circles = np.column_stack([before, np.full(len(before), 4.0)])[seen]
    rois = nza.Rois.of(circles, slices=None if slices is None else slices[seen])
    start = time.perf_counter()
    carried = nza.carry_rois(rois, old, new)
    seconds = time.perf_counter() - start
    return {
        "name": name,
        "errors": np.hypot(*(carried.rois.circles[:, :2] - after[seen]).T).tolist(),
        "moved": np.hypot(*(before - after)[seen].T).tolist(),
        "spread": carried.table["spread_px"].tolist(),
        "check": int(carried.table["check"].sum()),
        "ms": 1000 * seconds,
    }


def line(name: str, rows: list[dict[str, Any]]) -> str:
    """One kind of change, all seeds together."""
    errors, moved, spread = (
        np.concatenate([row[key] for row in rows]) for key in ("errors", "moved", "spread")
    )
    check, ms = sum(row["check"] for row in rows), np.median([row["ms"] for row in rows])
    return (
        f"{name:30}{moved.mean():7.2f}{errors.mean():7.3f}{np.percentile(errors, 95):7.3f}"
        f"{errors.max():7.3f}{np.median(spread):8.3f}{check:4}/{len(errors)}{ms:6.0f}"
    )


def planes() -> list[dict[str, Any]]:
    """How often the verdict is another plane, by the distance of the planes."""
    found: dict[int, list[PlaneVerdict]] = {depth: [] for depth in DEPTHS_PX}
    for seed in PLANE_SEEDS:
        anatomy = Anatomy((192, 192), max(DEPTHS_PX), np.random.SeedSequence(seed))
        clean = {depth: sample_plane(anatomy.plane(float(depth))) for depth in DEPTHS_PX}
        rng = np.random.default_rng(seed)
        for photons in PLANE_PHOTONS:
            light = np.float32(photons / np.percentile(clean[0], 99.5))
            for n in PLANE_FRAMES:
                first = mean_of(clean[0] * light, n, rng)
                for depth, image in clean.items():
                    found[depth].append(verdict_on(first, mean_of(image * light, n, rng)))
    return [
        {
            "depth_px": depth,
            "low": min(each.correlation / each.allowed for each in verdicts),
            "high": max(each.correlation / each.allowed for each in verdicts),
            "another": sum(each.is_another for each in verdicts),
            "of": len(verdicts),
        }
        for depth, verdicts in found.items()
    ]


def mean_of(clean: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Mean of n noisy frames."""
    return np.mean([Detector().record(clean, rng) for _ in range(n)], axis=0).astype(np.float32)


if __name__ == "__main__":
    main()
