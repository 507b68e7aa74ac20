"""A frame step in napari: the image alone, with still circles, and with ROIs that follow the frame.

    python benchmarks/frame_step.py [--frames 27000] [--rois 1000] [--steps 60]

Must: 1,000 ROIs on 27,000 frames cost at most 25 ms a step more than the same circles standing
still, at most 5 ms of it ours, and memory does not grow with the number of frames. OpenGL is done
in software on a virtual screen, where there is one. The cases take turns, ten steps each, so that
a busy machine slows all of them alike.
"""

from __future__ import annotations

import argparse
import gc
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("LIBGL_ALWAYS_SOFTWARE", "1")

SIZE, SPACING_PX = 512, 64.0
TURN = 10
RADIUS_PX = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=27_000)
    parser.add_argument("--rois", type=int, default=1_000)
    parser.add_argument("--steps", type=int, default=60, help="of each case")
    options = parser.parse_args()
    from napari_zstack_align.cli.display import virtual_display

    with virtual_display():
        compare(options.frames, options.rois, options.steps)


def compare(n_frames: int, n_rois: int, n_steps: int) -> None:
    """Print the median step of each case, in ms."""
    import napari

    viewer = napari.Viewer(show=True)
    viewer.window.resize(1200, 900)
    stack = moving_stack(n_frames)
    from napari_zstack_align.gui.grid import FrameGrid
    from napari_zstack_align.gui.lazy import RawFrames

    frames = RawFrames(stack, FrameGrid(stack), 0)
    image = viewer.add_image(frames, contrast_limits=(0, 255))
    case = Cases(viewer, image, stack, n_rois)
    steps: dict[str, list[float]] = {name: [] for name in case.names}
    case.warm_up()
    while len(steps["image"]) < n_steps:
        for name in case.names:
            case.choose(name)
            steps[name] += [timed(case.step) for _ in range(TURN)]
    print(f"{n_rois:,} ROIs, {n_frames:,} frames of {SIZE} x {SIZE}, {len(steps['image'])} steps")
    print(
        f"{'case':<34}{'median ms':>10}{'p95 ms':>8}{'more than still':>17}{'ours ms':>9}{'MB':>7}"
    )
    still = np.median(steps["still circles"])
    for name, times in steps.items():
        own, size = case.own.get(name), case.megabytes.get(name)
        print(
            f"{name:<34}{np.median(times):>10.1f}{np.percentile(times, 95):>8.1f}"
            f"{np.median(times) - still:>17.1f}"
            f"{'' if own is None else f'{np.median(own):.1f}':>9}"
            f"{'' if size is None else f'{size:.1f}':>7}"
        )
    viewer.close()


class Cases:
    """What is shown beside the image, and how the layer of ROIs was followed."""

    def __init__(self, viewer: Any, image: Any, stack: Any, n_rois: int) -> None:
        from qtpy.QtWidgets import QApplication

        self.viewer, self.image = viewer, image
        self.app = QApplication.instance()
        self.own: dict[str, list[float]] = {}
        self.megabytes: dict[str, float] = {}
        self._frame = 0
        self._name = "image"
        self._stack = stack
        rng = np.random.default_rng(0)
        self._circles = np.column_stack(
            [rng.uniform(10, SIZE - 10, (n_rois, 2)), np.full(n_rois, RADIUS_PX)]
        )
        self._layers = {"still circles": self._still()}
        self._followers: dict[str, Any] = {}
        for kind, make in KINDS.items():
            self._add(f"ours, {kind}", make(stack))
        self.names = ("image", *self._layers)

    def choose(self, name: str) -> None:
        """Show one layer beside the image, and let it follow."""
        self._name = name
        for other, layer in self._layers.items():
            layer.visible = other == name
        self._turn()

    def warm_up(self) -> None:
        """Let napari compile what it draws with."""
        for name in self.names:
            self.choose(name)
            for _ in range(TURN):
                self.step()
        for times in self.own.values():
            times.clear()

    def step(self) -> None:
        """Go to the next frame and draw it."""
        self._frame = (self._frame + 1) % self.image.data.shape[0]
        self.viewer.dims.set_current_step(0, self._frame)
        self._turn()

    def _turn(self) -> None:
        for _ in range(2):
            self.app.processEvents()

    def _still(self) -> Any:
        return self.viewer.add_points(
            self._circles[:, :2],
            size=2 * RADIUS_PX,
            face_color="transparent",
            border_color="yellow",
            border_width=0.8,
            border_width_is_relative=False,
        )

    def _add(self, name: str, alignment: Any) -> None:
        """Let a layer of ROIs follow the frames of an alignment."""
        from napari_zstack_align.cells import Rois
        from napari_zstack_align.gui.cells.raw_rois import RoisOnFrames
        from napari_zstack_align.gui.cells.roi_model import RoiModel
        from napari_zstack_align.gui.dataset import FrameInView

        def look() -> FrameInView:
            return FrameInView(self.image, raw=True, alignment=alignment, frame=self._frame)

        model, before = RoiModel(), resident_mb()
        views = Views(self.viewer, look)
        follower = RoisOnFrames(views, model)

        def timed_follow(event: Any = None) -> None:
            if self._name == name:
                times.append(timed(lambda: follower.follow(look())))

        times = self.own.setdefault(name, [])
        self.viewer.dims.events.current_step.connect(timed_follow)
        model.set(Rois.of(self._circles))
        self._turn()
        self.megabytes[name] = resident_mb() - before
        self._layers[name] = follower.layer
        self._followers[name] = follower


class Views:
    """Stands for the workspace: ROIs ask it what is in view, and are told by the benchmark."""

    class Silent:
        """A signal that never comes."""

        def connect(self, listener: Any) -> None:
            """Forget the listener."""

        def disconnect(self, listener: Any) -> None:
            """Do nothing: it isn't connected."""

    def __init__(self, viewer: Any, look: Any) -> None:
        self.viewer, self.look, self.view_changed = viewer, look, self.Silent()

    @property
    def in_view(self) -> Any:
        """What is in view now."""
        return self.look()


def moving_stack(n_frames: int) -> Any:
    """A recording whose frames cost nothing to read."""
    from napari_zstack_align.stack import Stack

    class Frames:
        shape, dtype = (n_frames, 1, SIZE, SIZE), np.dtype(np.uint8)
        images = np.random.default_rng(1).integers(0, 255, (8, SIZE, SIZE), np.uint8)

        def read(self, start: int, stop: int) -> np.ndarray:
            return self.images[np.arange(start, stop) % 8][:, np.newaxis]

    return Stack(Frames(), channel_names=("",), name="movie")


def affine(stack: Any) -> Any:
    """A chain of two affine maps a frame."""
    return aligned(stack, (shifts(stack.n_frames, 0), shifts(stack.n_frames, 1)))


def spline(stack: Any) -> Any:
    """A smooth field a frame, with a shift before it."""
    from napari_zstack_align.alignment.spline import grid_shape
    from napari_zstack_align.alignment.transforms import SplineLink

    grid = grid_shape((SIZE, SIZE), SPACING_PX)
    rng = np.random.default_rng(2)
    fields = rng.standard_normal((stack.n_frames, 2, *grid), np.float32)
    link = SplineLink(fields, SPACING_PX, (SIZE, SIZE))
    return aligned(stack, (shifts(stack.n_frames, 3), link))


KINDS: dict[str, Callable[[Any], Any]] = {"affine": affine, "affine and spline": spline}


def shifts(n_frames: int, seed: int) -> Any:
    """Shifts of a few px."""
    from napari_zstack_align.alignment.transforms import AffineLink

    matrices = np.tile(np.eye(3), (n_frames, 1, 1))
    matrices[:, :2, 2] = np.random.default_rng(seed).normal(0, 2, (n_frames, 2))
    return AffineLink(matrices)


def aligned(stack: Any, links: tuple[Any, ...]) -> Any:
    """Alignment of a stack by known transforms."""
    from napari_zstack_align.alignment.alignment import Alignment
    from napari_zstack_align.alignment.quality import empty_table
    from napari_zstack_align.alignment.transforms import Transforms
    from napari_zstack_align.params import KeypointParams

    transforms = Transforms((SIZE, SIZE), links)
    reference = np.zeros((SIZE, SIZE), np.float32)
    quality = empty_table(stack.n_frames, "chunk")
    return Alignment(stack, transforms, reference, quality, KeypointParams())


def timed(work: Callable[[], Any]) -> float:
    """Milliseconds that something takes."""
    start = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - start)


def resident_mb() -> float:
    """Memory of this process in MB."""
    gc.collect()
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")


if __name__ == "__main__":
    main()
