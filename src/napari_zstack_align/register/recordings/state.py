"""What is known of one recording while it is being registered, and the tables made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.artefact_rows import joined_rows
from napari_zstack_align.alignment.chunks import empty_chunks
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.transforms import AffineLink, Link
from napari_zstack_align.flags import Fault, Flag, fault_of, mark
from napari_zstack_align.register.artefacts.artefacts import UNTOUCHED, Artefacts
from napari_zstack_align.register.closing import with_place
from napari_zstack_align.register.recordings.chunks import Range
from napari_zstack_align.register.recordings.events import segments
from napari_zstack_align.register.recordings.frame_flags import FrameFlags
from napari_zstack_align.register.recordings.geometry import Matrix, apply
from napari_zstack_align.register.recordings.image_file import ImageFile
from napari_zstack_align.register.recordings.interpolate import (
    chunk_noise_px,
    corners_of,
    interpolate,
)
from napari_zstack_align.register.recordings.trace import Trace
from napari_zstack_align.remark import Remark
from napari_zstack_align.stack import Stack

Image = npt.NDArray[np.float32]
Table = npt.NDArray[np.void]

HELD = Fault(Flag.EXTRAPOLATED, "beyond the last midpoint: the trend was held")
OF_CHUNKS = (
    Flag.BRIDGED,
    Flag.UNMATCHED,
    Flag.EXTRAPOLATED,
    Flag.NOT_IMPROVED,
    Flag.NOT_RUN,
)
"""Flags that frames have because of the chunk that they lie in, or of their transforms."""
AS_THEY_ARE = (1.0, 0.0)
"""Levels of a recording whose intensities are those of the reference."""
RAW_PLACE = "raw place"
"""Method of a chunk that is worse off wherever it could be put."""
FOLLOWED = (
    "correlation_before",
    "correlation_after",
    "residual_px",
    "mean_displacement_px",
    "max_displacement_px",
)
"""Columns of the quality table that frames have of their own where they were followed."""
MAPS_AT_ONCE = 1000
MEAN_GRID = 5
"""The mean displacement of an affine map is taken over this many points along each axis."""


@dataclass
class RecordingState:
    """A recording on its way to an Alignment.

    Attributes
    ----------
    stack : Stack
    index : int
        Its place in the session.
    expected : numpy.ndarray
        (3, 3) map that would surprise nobody: the identity, or the ratio of the pixel sizes.
    chunks : numpy.ndarray
        Chunk table.
    steps : list of int
        First frames after jumps.
    frame_flags : FrameFlags
        What is the matter with single frames.
    trace : Trace
        Motion of the frames, up to a constant and to slow errors.
    images : ImageFile
        Means of the chunks' good frames.
    image_numbers : list of int or None
        Which of these is a chunk's; None where it has no good frame.
    read : int
        Frames read so far.
    extra : Link, optional
        Motion of single frames.
    single_frames : str
        How that was found: 'none', 'trace', 'translation', 'rigid',
        'affine' or 'spline'.
    freedom : dict
        Why: what held-out halves of some frames say of each kind of motion.
    fault : Fault, optional
        What is the matter with the whole recording; None: nothing.
    frame_rows : mapping of str to numpy.ndarray, optional
        (T,) float32 each, the columns `FOLLOWED` of the quality table, where frames were followed
        one by one; else what holds for their chunks counts.
    aligned_alone : numpy.ndarray
        (T,) bool: frames that were aligned by themselves, though their chunk couldn't be matched.
    remarks : list of Remark
        Sentences for the user.
    artefacts : Artefacts
        What of its frames doesn't come from tissue.
    artefact_rows : list of numpy.ndarray
        Tables of the rows of single frames that don't, `artefact_rows.ROWS`.
    levels : tuple of (float, float)
        Gain and offset that bring its intensities to those of the reference.
    """

    stack: Stack
    index: int
    expected: Matrix
    images: ImageFile
    chunks: Table = field(default_factory=lambda: empty_chunks(0))
    steps: list[int] = field(default_factory=list)
    frame_flags: FrameFlags = field(init=False)
    trace: Trace = field(init=False)
    aligned_alone: npt.NDArray[np.bool_] = field(init=False)
    image_numbers: list[int | None] = field(default_factory=list)
    read: int = 0
    extra: Link | None = None
    single_frames: str = "none"
    freedom: dict[str, object] = field(default_factory=dict)
    fault: Fault | None = None
    frame_rows: Mapping[str, npt.NDArray[np.float32]] | None = None
    remarks: list[Remark] = field(default_factory=list)
    artefacts: Artefacts = UNTOUCHED
    artefact_rows: list[Table] = field(default_factory=list)
    levels: tuple[float, float] = AS_THEY_ARE

    def __post_init__(self) -> None:
        self.frame_flags = FrameFlags(self.stack.n_frames)
        self.aligned_alone = np.zeros(self.stack.n_frames, bool)
        unknown = np.full((3, self.stack.n_frames, 2), np.nan)
        self.trace = Trace(unknown[0], unknown[1:], unknown[0, :, 0], np.ones(len(unknown[0])))

    def rows_found(self) -> Table | None:
        """Rows of single frames that aren't tissue; None where they weren't looked for."""
        return None if self.artefacts.transients is None else joined_rows(self.artefact_rows)

    # -- chunks --------------------------------------------------------------------------------

    def set_ranges(self, ranges: list[Range]) -> None:
        """Start the chunk table anew."""
        self.chunks = empty_chunks(len(ranges))
        self.chunks["start"], self.chunks["stop"] = np.array(ranges).T
        self.chunks["matrix"] = self.expected
        self.chunks["segment"] = np.searchsorted(self.steps, self.chunks["start"], side="right")
        self.image_numbers = [None] * len(ranges)
        for chunk in range(len(ranges)):
            self.count_frames(chunk)

    def count_frames(self, chunk: int) -> None:
        """Fill in what follows from the good frames of a chunk."""
        row = self.chunks[chunk]
        frames = self.good_frames(row["start"], row["stop"])
        row["n_frames"] = len(frames)
        self.place_midpoint(chunk)

    def place_midpoint(self, chunk: int) -> None:
        """Fill in the moment of a chunk's mean; its frames count by their brightness."""
        row = self.chunks[chunk]
        frames = self.good_frames(row["start"], row["stop"])
        row["midpoint"] = (row["start"] + row["stop"] - 1) / 2
        if len(frames):
            row["midpoint"] = np.average(frames, weights=self.trace.weight[frames])

    def good_frames(self, start: int, stop: int) -> npt.NDArray[np.intp]:
        """Frames of a range that go into means."""
        return start + np.flatnonzero(self.frame_flags.good[start:stop])

    @property
    def matched_frames(self) -> npt.NDArray[np.bool_]:
        """(T,) good frames of the chunks that were matched: where the others lie is a guess."""
        known = np.zeros(self.stack.n_frames, bool)
        for row in self.chunks[self.good]:
            known[row["start"] : row["stop"]] = True
        return known & self.frame_flags.good

    def image(self, chunk: int) -> Image | None:
        """(Y, X) float32 mean of a chunk's good frames, levelled; None where there is none."""
        number = self.image_numbers[chunk]
        return None if number is None else self.levelled(self.images.read(number))

    def levelled(self, image: Image) -> Image:
        """Bring an image to the intensities of the reference."""
        if self.levels == AS_THEY_ARE:
            return image
        gain, offset = map(np.float32, self.levels)
        return image * gain + offset

    @property
    def good(self) -> npt.NDArray[np.intp]:
        """Chunks with a transform of their own."""
        return np.flatnonzero((self.chunks["flag"] == Flag.GOOD) & (self.chunks["method"] != ""))

    @property
    def matched(self) -> bool:
        """Whether any chunk has a transform of its own."""
        return len(self.good) > 0

    @property
    def stretches(self) -> list[Range]:
        """Frames (start, stop) between jumps."""
        return segments(self.steps, self.stack.n_frames)

    # -- frames --------------------------------------------------------------------------------

    def frame_matrices(self) -> tuple[Matrix, npt.NDArray[np.bool_]]:
        """(T, 3, 3) maps between the good chunks, and which frames' trend was held."""
        n_frames = self.stack.n_frames
        matrices = np.tile(self.expected, (n_frames, 1, 1))
        held = np.zeros(n_frames, bool)
        good = self.chunks[self.good]
        if not len(good):
            return matrices, held
        shape = (self.stack.shape[2], self.stack.shape[3])
        noise = chunk_noise_px(good["midpoint"], good["matrix"], shape)
        for number, (start, stop) in enumerate(self.stretches):
            frames = np.arange(start, stop)
            nodes = good[good["segment"] == number]
            if len(nodes):
                found = interpolate(frames, nodes["midpoint"], nodes["matrix"], shape, noise)
                matrices[start:stop], held[start:stop] = found.matrices, found.held
            else:
                nearest = np.abs(good["midpoint"] - (start + stop - 1) / 2).argmin()
                matrices[start:stop] = good["matrix"][nearest]
        in_raw_place = self._in_raw_place()
        matrices[in_raw_place], held[in_raw_place] = self.expected, False
        return matrices, held

    def _in_raw_place(self) -> npt.NDArray[np.intp]:
        """Frames of chunks that keep their raw place."""
        kept = self.chunks[self.chunks["method"] == RAW_PLACE]
        ranges = [np.arange(row["start"], row["stop"]) for row in kept]
        return np.concatenate(ranges).astype(np.intp) if ranges else np.zeros(0, np.intp)

    def _motion_of_frames(self) -> Link | None:
        """Motion of single frames; none in frames that keep their raw place."""
        frames = self._in_raw_place()
        return self.extra if self.extra is None else with_place(self.extra, frames)

    def links(self) -> tuple[Link, ...]:
        """Return the chain of transforms of all frames."""
        matrices, _ = self.frame_matrices()
        affine, motion = AffineLink(matrices), self._motion_of_frames()
        return (affine,) if motion is None else (affine, motion)

    def quality(self, shape: tuple[int, int]) -> Table:
        """Return the quality table: what was measured a frame, else what holds for its chunk."""
        table = empty_table(self.stack.n_frames, "chunk")
        matrices, held = self.frame_matrices()
        for row in self.chunks:
            part = table[row["start"] : row["stop"]]
            part["chunk"], part["inliers"] = row["chunk"], row["n_inliers"]
            frames = np.arange(row["start"], row["stop"])
            part["midpoint_distance_frames"] = np.abs(frames - row["midpoint"])
            if self.frame_rows is None:
                part["residual_px"] = row["residual_px"]
                part["correlation_before"] = row["correlation_before"]
                part["correlation_after"] = row["correlation_after"]
            self._write_flags(part, row, held)
            part["used"] = np.isin(part["flag"], (Flag.GOOD, Flag.EXTRAPOLATED))
        if self.frame_rows is None:
            if isinstance(motion := self._motion_of_frames(), AffineLink):
                matrices = matrices @ motion.matrices
            lengths = displacement_lengths(matrices, shape)
            table["mean_displacement_px"], table["max_displacement_px"] = lengths
        else:
            for name, values in self.frame_rows.items():
                table[name] = values
        rest = table[self.read :]
        rest["flag"], rest["detail"], rest["used"] = Flag.NOT_RUN, "", False
        return table

    def _write_flags(self, rows: Table, row: np.void, held: npt.NDArray[np.bool_]) -> None:
        """Write flags of a chunk's frames: their own, else those of chunk or recording."""
        start, stop = int(row["start"]), int(row["stop"])
        if fault := self._fault_from(row):
            is_bridged = fault.flag is Flag.BRIDGED
            mark(rows, fault, ~(self.aligned_alone[start:stop] & is_bridged))
        else:
            mark(rows, HELD, held[start:stop])
        self.frame_flags.write(rows, start)

    def _fault_from(self, row: np.void) -> Fault | None:
        """What is the matter with all frames of a chunk."""
        fault = fault_of(row)
        if fault is None:
            return self.fault
        if row["method"] == RAW_PLACE:
            return fault
        if self.matched:
            return Fault(Flag.BRIDGED, f"bridged: {fault}")
        return Fault(Flag.UNMATCHED, f"no chunk of the recording could be matched: {fault}")


def displacement_lengths(
    matrices: Matrix, shape: tuple[int, int]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(T,) mean and maximum displacement of affine maps over an image (Y, X), in px."""
    y, x = (np.linspace(0, size - 1, MEAN_GRID) for size in shape)
    grid = np.stack(np.meshgrid(y, x, indexing="ij"), -1).reshape(-1, 2)
    corners = corners_of(shape)
    mean, largest = np.empty(len(matrices)), np.empty(len(matrices))
    for start in range(0, len(matrices), MAPS_AT_ONCE):
        part = slice(start, start + MAPS_AT_ONCE)
        mean[part] = np.linalg.norm(apply(matrices[part], grid) - grid, axis=-1).mean(axis=-1)
        away = np.linalg.norm(apply(matrices[part], corners) - corners, axis=-1)
        largest[part] = away.max(axis=-1)
    return mean, largest
