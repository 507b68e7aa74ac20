"""`write_film`: raw and aligned frames side by side, ROIs on the raw frames, and their traces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.checks import check_aligned_frames_at_hand, check_raw_files_stay
from napari_zstack_align.alignment.fingerprint import fingerprint
from napari_zstack_align.alignment.watched_frames import unchanged_frames
from napari_zstack_align.cells import Rois, transform_rois
from napari_zstack_align.cells.made_on import remarks_on_place
from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.extras import load_format
from napari_zstack_align.params import FilmParams
from napari_zstack_align.params._film import PICTURES_PER_S
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.stack import Stack
from napari_zstack_align.write.film.lettering import (
    LINE_PX,
    SIZE_PX,
    WARNING,
    Picture,
    width_of,
    write_words,
)
from napari_zstack_align.write.film.means import rolling_means
from napari_zstack_align.write.film.plot import Plot, Shown
from napari_zstack_align.write.film.tiles import Tile
from napari_zstack_align.write.film.timing import frames_shown, moment_in_words, window_around
from napari_zstack_align.write.grey import Image, contrast_of
from napari_zstack_align.write.replacing import replacing
from napari_zstack_align.write.target import check_export_target
from napari_zstack_align.write.writers import Writer

WRITER = Writer(
    "film",
    "Film",
    (".mp4", ".gif"),
    (),
    f"{__name__}:write_film",
    program="players",
    extra="film",
    package="av",
)
"""For dialogs; it isn't among `WRITERS`, for it is no format of data."""
LARGEST_PX = {".mp4": 512, ".gif": 256}
"""Longer side of an image: GIFs grow large."""
GAP_PX = 8
CONTRAST_PICTURES = 9
"""So many, spread over the film, tell which counts are black and white in all of it."""
STAGE = "Writing the film"


def write_film(
    path: str | Path,
    alignment: Alignment,
    cells: Rois | Traces | None = None,
    params: FilmParams | None = None,
    *,
    overwrite: bool = False,
) -> Job[Path]:
    """Write a film of an alignment: raw and aligned frames side by side, both with one contrast.

    Every picture is a rolling mean of frames. With ROIs, the raw frames stand there once more with
    the circles as each frame's transform carries them; with traces, those that rise most are drawn
    below. Pictures are made one by one, so that a film of any length takes little memory.

    Parameters
    ----------
    path : path
        Ends in .mp4 (H.264) or .gif.
    alignment : Alignment
        Its raw files must be there.
    cells : Rois or Traces, optional
        In the coordinates of its reference; traces are of the same frames.
    params : FilmParams, optional
    overwrite : bool
        Replace an earlier film.

    Returns
    -------
    generator of Progress
        Returns the path. Nothing stands under the name before it is complete, and a cancelled job
        leaves nothing behind.

    Raises
    ------
    InputError
        Where the name has another ending, is taken by something else, or can't be written; where
        the package PyAV is missing; where the frames that are asked for aren't there, can't be
        read, or aren't those any more that were aligned; where the traces are those of another
        recording.
    """
    path, params = Path(path), params or FilmParams()
    ending = WRITER.ending_of(path)
    if ending is None:
        raise InputError(f"A film is a file: its name must end in .mp4 or .gif, not {path.name!r}.")
    encoding = load_format(
        "napari_zstack_align.write.film.encoding", WRITER.title, WRITER.extra, WRITER.package
    )
    check_aligned_frames_at_hand(alignment)
    check_raw_files_stay(path, alignment.stack.paths)
    check_export_target(path, overwrite, encoding.is_film)
    alignment.stack.checked_channel(params.channel)
    if isinstance(cells, Traces):
        _check_traces_of(cells, alignment.stack)
        alignment = _with_times_of(alignment, cells)
    shown = frames_shown(alignment.stack, params)
    return _written(path, ending, alignment, cells, params, shown, overwrite)


def _check_traces_of(traces: Traces, stack: Stack) -> None:
    """Raise InputError where traces were read from other frames."""
    n_frames, seen = len(traces.frames), traces.provenance.get("fingerprint")
    are_alike = (len(traces.channel_names), n_frames) == (stack.shape[1], stack.n_frames)
    if not are_alike or (seen and seen != fingerprint(stack)):
        raise InputError(
            f"The traces are those of {traces.recording}, {counted(n_frames, 'frame')}, which are "
            f"not the frames of {stack.name}: give those of this recording."
        )


def _with_times_of(alignment: Alignment, traces: Traces) -> Alignment:
    """Return the alignment with the frame times that were said when traces were read."""
    if alignment.stack.frame_times_s is not None or not traces.has_times:
        return alignment
    timed = alignment.stack.replace(frame_times_s=traces.frames["time_s"])
    return alignment.with_stack(timed, check_frames=False)


def _written(
    path: Path,
    ending: str,
    alignment: Alignment,
    cells: Rois | Traces | None,
    params: FilmParams,
    shown: npt.NDArray[np.intp],
    overwrite: bool,
) -> Job[Path]:
    from napari_zstack_align.write.film.encoding import encoder

    yield Progress(STAGE, 0, len(shown))
    frames = unchanged_frames(alignment.stack, alignment.frame_digests)
    watched = alignment.with_stack(frames.stack, check_frames=False)
    film = _Film(watched, cells, params, shown, LARGEST_PX[ending])
    with replacing(path, overwrite) as unfinished:
        with encoder(unfinished, ending, film.size, PICTURES_PER_S) as taker:
            for done, picture in enumerate(film.pictures()):
                taker.add(picture)
                yield Progress(STAGE, done + 1, len(shown))
        frames.check_files()
    return path


@dataclass(frozen=True, eq=False)
class _Film:
    """What the pictures of a film look like."""

    alignment: Alignment
    cells: Rois | Traces | None
    params: FilmParams
    shown: npt.NDArray[np.intp]
    largest_px: int

    @cached_property
    def size(self) -> tuple[int, int]:
        """(height, width) in px; video needs even numbers."""
        height = max(tile.size[0] for tile in self._tiles) + LINE_PX
        height += 0 if self._plot is None else self._plot.height_of(len(self._traces.ids))
        return height + height % 2, self._width + 2 * GAP_PX + self._width % 2

    def pictures(self) -> Iterator[Picture]:
        """The pictures (height, width, 3), one by one."""
        windows = [self._window(t) for t in self.shown]
        means = rolling_means(self.alignment, windows, self.params.channel)
        for t, window, (raw, aligned) in zip(map(int, self.shown), windows, means, strict=True):
            yield self._picture(t, len(window), raw, aligned)

    def _window(self, t: int) -> npt.NDArray[np.intp]:
        return window_around(self.alignment, int(t), self.params.frames_per_mean)

    def _picture(self, t: int, n_frames: int, raw: Image, aligned: Image) -> Picture:
        picture = np.zeros((*self.size, 3), np.uint8)
        images = [self._tiles[0].drawn(raw), self._tiles[1].drawn(aligned)]
        if self._rois is not None:
            rois = self._rois.where(self._rois.on_slice(self._slice_of(t)))
            circles = transform_rois(rois, self.alignment.transforms, t)
            images.append(self._tiles[2].drawn(raw, circles, self._traces.colours(rois.ids)))
        x = GAP_PX
        for image in images:
            picture[: image.shape[0], x : x + image.shape[1]] = image
            x += image.shape[1] + GAP_PX
        y = max(map(len, images))
        self._write_below(picture, t, n_frames, y + SIZE_PX + 2)
        if self._plot is not None:
            plot = self._plot.at(t)
            picture[y + LINE_PX :][: len(plot), GAP_PX : GAP_PX + plot.shape[1]] = plot
        return picture

    def _write_below(self, picture: Picture, t: int, n_frames: int, baseline: int) -> None:
        """When it was, how many frames are averaged, and what is the matter with it."""
        words = moment_in_words(self.alignment.stack, t)
        if not n_frames:
            words += ", no pixels"
        elif self.params.frames_per_mean > 1:
            words += f", mean of {n_frames}"
        write_words(picture, words, GAP_PX, baseline)
        row = self.alignment.quality[t]
        doubt = str(row["flag"]) or self._doubt
        if doubt:
            write_words(picture, doubt, width_of(words) + 4 * GAP_PX, baseline, WARNING)

    def _slice_of(self, t: int) -> int:
        stack = self.alignment.stack
        return 0 if stack.frames_per_slice is None else int(stack.slice_of_frame[t])

    @cached_property
    def _rois(self) -> Rois | None:
        return self.cells.rois if isinstance(self.cells, Traces) else self.cells

    @cached_property
    def _doubt(self) -> str:
        """Where the circles may lie beside the cells."""
        if self._rois is None:
            return ""
        remarks = remarks_on_place(self._rois.made_on, self.alignment.stack, self.alignment)
        return "ROIs of another reference" if any(r.is_warning for r in remarks) else ""

    @cached_property
    def _traces(self) -> Shown:
        if isinstance(self.cells, Traces):
            first, last = int(self.shown[0]), int(self.shown[-1])
            return Shown.of(self.cells, self.params.channel, first, last)
        return Shown(np.zeros(0, np.int64), np.zeros((0, 0), np.float32), "", "")

    @cached_property
    def _plot(self) -> Plot | None:
        if not isinstance(self.cells, Traces):
            return None
        return Plot(self._traces, int(self.shown[0]), int(self.shown[-1]), self._width)

    @cached_property
    def _width(self) -> int:
        return sum(tile.size[1] for tile in self._tiles) + GAP_PX * (len(self._tiles) - 1)

    @cached_property
    def _tiles(self) -> list[Tile]:
        """Raw, aligned, and raw with ROIs; one contrast, that of the aligned."""
        size = self.alignment.stack.pixel_size_um
        raw, aligned = self.alignment.raw_shape, self.alignment.transforms.shape
        limits = self._limits
        tiles = [Tile("raw", raw, limits), Tile("aligned", aligned, limits, size)]
        if self._rois is not None:
            tiles.append(Tile("ROIs on the raw frames", raw, limits))
        return [replace(tile, largest_px=self.largest_px) for tile in tiles]

    @cached_property
    def _limits(self) -> tuple[float, float]:
        places = np.unique(np.linspace(0, len(self.shown) - 1, CONTRAST_PICTURES).astype(int))
        windows = [self._window(self.shown[k]) for k in places]
        means = rolling_means(self.alignment, windows, self.params.channel)
        return contrast_of(np.stack([aligned for _, aligned in means]))
