"""Two alignments of the same frames, whose references differ by a known map."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import napari_zstack_align as nza
from napari_zstack_align.alignment import spline
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.transforms import AffineLink, SplineLink, Transforms
from napari_zstack_align.alignment.warp import warp_affine
from napari_zstack_align.samples.anatomy import Anatomy
from napari_zstack_align.samples.wander import about_centre, affine_drift
from napari_zstack_align.samples.zstack import sample_plane

SHAPE = (128, 144)
N_FRAMES = 12
CHANGE = about_centre(12.0, 2.0, SHAPE, heading=0.7)
"""New reference ↦ old reference."""


def scene(depth=0.0, seed=3):
    """Clean image of one plane; others lie deeper in the same tissue."""
    anatomy = Anatomy(SHAPE, 16.0, np.random.SeedSequence(seed))
    return sample_plane(anatomy.plane(depth))


def stack(seed, name="rec", n_frames=N_FRAMES, **facts):
    """Frames of noise: their transforms are given, and nobody looks at them."""
    frames = np.random.default_rng(seed).poisson(20, (n_frames, *SHAPE)).astype(np.uint16)
    return nza.Stack.from_array(frames, "TYX" if not facts else None, name=name, **facts)


def drift(seed, n_frames=N_FRAMES):
    return affine_drift(np.random.default_rng(seed), n_frames, SHAPE, 5.0)


def aligned(frames, matrices, image, jitter_px=0.0, bent=False, seed=0):
    """An alignment by known maps, each frame off by its own error."""
    rng = np.random.default_rng(seed)
    matrices = matrices.copy()
    matrices[:, :2, 2] += rng.normal(0, jitter_px, (len(matrices), 2))
    links = (AffineLink(matrices),)
    if bent:
        grid = spline.grid_shape(SHAPE, 48.0)
        field = rng.normal(0, 1.0, (len(matrices), 2, *grid)).astype(np.float32)
        links += (SplineLink(field, 48.0, SHAPE),)
    kind = "chunk" if frames.frames_per_slice is None else "slice"
    quality = empty_table(len(matrices), kind)
    quality["used"] = True
    transforms = Transforms(SHAPE, links)
    return nza.Alignment(frames, transforms, image, quality, nza.KeypointParams())


def moved_image(image, change=CHANGE):
    """The old reference's image on the new reference: new(x) = old(change x)."""
    return warp_affine(image, change, SHAPE)[0]


def two_references(n_recordings=3, change=CHANGE, jitter_px=0.05, image=None):
    """A session before and after its reference changed, errors of transforms independent."""
    image = scene() if image is None else image
    recordings = [stack(i, f"rec{i}") for i in range(n_recordings)]
    motion = [drift(i) for i in range(n_recordings)]
    old, new = (
        [
            aligned(r, m @ each, shown, jitter_px, seed=10 * which + i)
            for i, (r, m) in enumerate(zip(recordings, motion, strict=True))
        ]
        for which, (each, shown) in enumerate(
            [(np.eye(3), image), (change, moved_image(image, change))]
        )
    )
    return old, new


def renamed(alignment, name="other.tif"):
    """The same raw frames from another file."""
    frames = alignment.stack.read(0, alignment.stack.n_frames)[:, 0]
    facts = {"frames_per_slice": alignment.stack.frames_per_slice}
    again = nza.Stack.from_array(frames.copy(), "TYX", name=name).replace(**facts)
    return replace(alignment, stack=again)


def circles(n=40, seed=1, margin=25):
    rng = np.random.default_rng(seed)
    places = rng.uniform(margin, np.array(SHAPE) - margin, (n, 2))
    return np.column_stack([places, rng.uniform(3, 6, n)])


def where(points, change=CHANGE):
    """Where points on the old reference lie on the new one."""
    back = np.linalg.inv(change)
    return points @ back[:2, :2].T + back[:2, 2]


def errors(carried, rois, change=CHANGE):
    return np.hypot(*(carried.rois.circles[:, :2] - where(rois.circles[:, :2], change)).T)
