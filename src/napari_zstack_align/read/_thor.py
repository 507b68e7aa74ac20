"""ThorImage: one ``.raw`` of all frames, and ``Experiment.xml`` beside it.

The frames are uint16, little-endian, with the channels of each frame one behind the other; planes
of a volume follow, with those of the flyback, and then the next volume.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from math import prod
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import are, counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.read._broken_off import whole_frames_of
from napari_zstack_align.read._facts import Facts, Opened
from napari_zstack_align.read._files import readable
from napari_zstack_align.read._format import PLAIN, Format, Glance, Wish
from napari_zstack_align.read._places import of_unfinished
from napari_zstack_align.read._quiet import shortened
from napari_zstack_align.read._raw_source import RawSource
from napari_zstack_align.read._sequence import in_sequence
from napari_zstack_align.read._units import number
from napari_zstack_align.read.natural_order import in_natural_order
from napari_zstack_align.read.said.drop import Dropped
from napari_zstack_align.remark import Remark, as_notes, as_warnings

EXPERIMENT, FRAMES = "Experiment.xml", "Image*.raw"
PIXEL = np.dtype("<u2")
LARGEST_SIDE, MOST_PLANES = 10**5, 10**6
MOST_CHANNELS = 4
LARGEST_XML = 2**26
DATES = ("%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p")
"""As the computer is set; where the first two can be meant, the time in s tells them apart."""
DAY_S = 86400.0


@dataclass(frozen=True)
class Scan:
    """What Experiment.xml says of the frames.

    Attributes
    ----------
    n_rows, n_columns : int
        Of a frame.
    names : tuple of str
        Of the channels that were recorded.
    n_slices, n_flyback : int
        Planes of a volume, and frames of the flyback after them.
    per_slice : int
        Frames of a slice before the next one.
    n_frames : int
        All of a channel; 0 where it doesn't say so.
    frame_s : float, optional
        Time of a frame, where they follow without a pause.
    timepoint_s : float, optional
        Time from one time point to the next, where there are pauses.
    averaged : int
        Frames that the microscope averaged for each that is saved.
    """

    n_rows: int
    n_columns: int
    names: tuple[str, ...] = ()
    n_slices: int = 1
    n_flyback: int = 0
    per_slice: int = 1
    n_frames: int = 0
    frame_s: float | None = None
    timepoint_s: float | None = None
    averaged: int = 1
    pixel_size_um: tuple[float, float] | None = None
    z_step_um: float | None = None


def open_thor(path: Path, wish: Wish = PLAIN) -> Opened:
    """Open a ``.raw`` of ThorImage, or the folder that it is in; no pixel is read.

    Raises
    ------
    InputError
        If Experiment.xml can't be read or doesn't say the size of a frame, or the last one is cut
        and the whole ones won't do.
    """
    file, others = (path, []) if path.is_file() else _raws_in(path)
    scan = scan_of(_root(file.with_name(EXPERIMENT)), file)
    n_images, is_cut = _n_images(file, scan)
    n_channels = _n_channels(scan, n_images, wish)
    n_frames, rest = divmod(n_images, n_channels)
    remarks = (*_of_others(file, others), *_of_average(scan))
    if (rest or is_cut) and 0 < scan.n_frames <= n_frames:
        remarks += as_warnings(
            f"{file.name} goes on after its {counted(n_frames, 'frame')}: what follows is no whole "
            f"frame, and was left out."
        )
    elif rest or is_cut:
        remarks += whole_frames_of(file, n_frames, scan.n_frames or None, wish)
    elif not wish.as_planes:
        remarks += _of_length(scan, file, n_images, n_channels)
    if not wish.as_planes:
        n_left = _unfinished(scan, n_frames)
        n_frames -= n_left
        remarks += of_unfinished(n_left, "volume")
    known = Facts(
        sizes=(n_images,),
        pixel_size_um=scan.pixel_size_um,
        z_step_um=scan.z_step_um,
        started_at=started_at(file),
        remarks=remarks,
    )
    if wish.as_planes:
        return _of_frames(file, scan, (n_images, 1), known, is_planes=True)
    return _of_frames(
        file, scan, (n_frames, n_channels), _laid_out(known, scan, n_frames, n_channels)
    )


def _of_frames(
    file: Path, scan: Scan, sizes: tuple[int, int], facts: Facts, is_planes: bool = False
) -> Opened:
    source = RawSource(file, 0, PIXEL, (*sizes, scan.n_rows, scan.n_columns))
    return Opened(source, (file,), facts, is_planes)


def started_at(path: Path) -> datetime | None:
    """Return when the experiment was begun; None where Experiment.xml doesn't say it."""
    folder = path if path.is_dir() else path.parent
    try:
        date = _attributes(_root(folder / EXPERIMENT), "Date")
    except InputError:
        return None  # what is the matter with it is said when it is opened
    found = []
    for form in DATES:
        try:
            found.append(datetime.strptime(date.get("date", "").strip(), form))
        except ValueError:
            continue
    since_1970 = number(date.get("uTime"))
    if since_1970 is None or len(found) < 2:
        return found[0] if found else None
    epoch = datetime(1970, 1, 1)
    return min(found, key=lambda each: abs((each - epoch).total_seconds() - since_1970))


def _raws_in(folder: Path) -> tuple[Path, list[Path]]:
    with readable(folder):
        first, *others = in_natural_order(folder.glob(FRAMES)) or [folder / "Image_001_001.raw"]
    return first, others


def _root(path: Path) -> ElementTree.Element:
    with readable(path):
        size = path.stat().st_size
        text = path.read_bytes() if size <= LARGEST_XML else b""
    try:
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise InputError(f"{path} can't be read ({shortened(error)}): copy it again.") from None


def _attributes(root: ElementTree.Element, tag: str) -> dict[str, str]:
    node = root.find(tag)
    return {} if node is None else dict(node.attrib)


def _count(text: str | None, most: int = MOST_PLANES) -> int:
    """Read a count of at least 1; 0 for anything else."""
    found = number(text)
    return int(found) if found and found == int(found) and 0 < found <= most else 0


def scan_of(root: ElementTree.Element, file: Path) -> Scan:
    """Read what Experiment.xml says of the frames in ``file``."""
    lsm, stage = _attributes(root, "LSM"), _attributes(root, "ZStage")
    streaming, lapse = _attributes(root, "Streaming"), _attributes(root, "Timelapse")
    n_columns, n_rows = (_count(lsm.get(name), LARGEST_SIDE) for name in ("pixelX", "pixelY"))
    if not n_columns or not n_rows:
        raise InputError(
            f"{file.with_name(EXPERIMENT)} doesn't say how many pixels the frames of {file.name} "
            f"have (pixelX and pixelY of LSM): copy the folder again."
        )
    waves = [wave.get("name", "") for wave in root.iterfind("Wavelengths/Wavelength")]
    averaged = _count(lsm.get("averageNum")) if lsm.get("averageMode") == "1" else 1
    rate, step = number(lsm.get("frameRate")), number(stage.get("stepSizeUM"))
    scan = Scan(
        n_rows,
        n_columns,
        names=tuple(waves) if all(waves) else (),
        averaged=averaged or 1,
        pixel_size_um=_pixel_size(lsm, n_rows, n_columns),
        z_step_um=abs(step) if step else None,
    )
    has_stack = stage.get("enable", "1") != "0"
    n_slices = (_count(stage.get("steps")) or 1) if has_stack else 1
    if _is_streaming(root, streaming):
        is_fast_z = streaming.get("zFastEnable") == "1" and n_slices > 1
        return replace(
            scan,
            n_slices=n_slices if is_fast_z else 1,
            n_flyback=_count(streaming.get("flybackFrames")) if is_fast_z else 0,
            n_frames=_count(streaming.get("frames"), 10**9),
            frame_s=scan.averaged / rate if rate and rate > 0 else None,
        )
    per_slice = _count(stage.get("zStreamFrames")) if stage.get("zStreamMode") == "1" else 1
    pause = number(lapse.get("intervalSec"))
    return replace(
        scan,
        n_slices=n_slices,
        per_slice=per_slice or 1,
        n_frames=(_count(lapse.get("timepoints")) or 1) * n_slices * (per_slice or 1),
        timepoint_s=pause if pause and pause > 0 else None,
    )


def _is_streaming(root: ElementTree.Element, streaming: dict[str, str]) -> bool:
    """Whether frames follow without a pause: as the mode says, or else what is switched on."""
    mode = _attributes(root, "CaptureMode").get("mode")
    return mode == "1" if mode is not None else streaming.get("enable") == "1"


def _pixel_size(lsm: dict[str, str], n_rows: int, n_columns: int) -> tuple[float, float] | None:
    height, width = number(lsm.get("heightUM")), number(lsm.get("widthUM"))
    if height and width and min(height, width) > 0:
        return height / n_rows, width / n_columns
    both = number(lsm.get("pixelSizeUM"))
    return (both, both) if both and both > 0 else None


def _n_images(file: Path, scan: Scan) -> tuple[int, bool]:
    """Number of whole images, and whether the file ends within one or holds none."""
    with readable(file):
        n_bytes = file.stat().st_size
    n_images, rest = divmod(n_bytes, prod((scan.n_rows, scan.n_columns, PIXEL.itemsize)))
    return n_images, rest > 0 or n_images == 0


def _n_channels(scan: Scan, n_images: int, wish: Wish) -> int:
    """Channels of a frame: those that are named, or that were said where the file may hold them."""
    named, said = max(len(scan.names), 1), wish.channels
    if said is None or n_images % said or n_images // said > (scan.n_frames or n_images):
        return named
    return said


def _unfinished(scan: Scan, n_frames: int) -> int:
    """Count the frames after the last whole volume of a series that was stopped.

    None where Experiment.xml promises no whole number of volumes either: it may err on them.
    """
    of_volume = scan.n_slices * scan.per_slice + scan.n_flyback
    was_stopped = of_volume <= n_frames < scan.n_frames and scan.n_frames % of_volume == 0
    return n_frames % of_volume if was_stopped else 0


def _laid_out(known: Facts, scan: Scan, n_frames: int, n_channels: int) -> Facts:
    """Add how the frames run, which of them are flyback, and their times.

    The flyback leaves every volume. Where the frames are no whole number of volumes, though the
    series wasn't stopped, the layout is left open, with a warning.
    """
    stay, per_slice = scan.n_slices * scan.per_slice, scan.per_slice
    axes, remarks = "T", tuple[Remark, ...]()
    sizes: tuple[int, ...] = (n_frames,)
    n_volumes, rest = divmod(n_frames, stay + scan.n_flyback)
    flyback = None
    if stay > 1 and not rest:
        axes, sizes = "VZR", (n_volumes, scan.n_slices, per_slice)
        if scan.n_flyback:
            flyback = Dropped(flyback="last", count=scan.n_flyback, of=stay + scan.n_flyback)
    elif stay > 1:
        of_flyback = f", {scan.n_flyback} of them of flyback" if scan.n_flyback else ""
        remarks = as_warnings(
            f"{counted(n_frames, 'frame')} {are(n_frames)} no whole number of volumes of "
            f"{stay + scan.n_flyback} images{of_flyback}: they are opened one behind another, "
            f"without a layout."
        )
    return replace(
        known,
        axes=axes + "C",
        sizes=(*sizes, n_channels),
        flyback=flyback,
        frame_times_s=_times(scan, n_frames),
        channel_names=scan.names if len(scan.names) == n_channels else (),
        remarks=(*known.remarks, *remarks),
    )


def _times(scan: Scan, n_frames: int) -> npt.NDArray[np.float64] | None:
    """Time of every frame in s, those of the flyback too; None where it doesn't follow."""
    if scan.frame_s is not None:
        return np.arange(n_frames, dtype=np.float64) * scan.frame_s
    if scan.timepoint_s is None or scan.per_slice > 1:
        return None
    return np.arange(n_frames, dtype=np.float64) * (scan.timepoint_s / scan.n_slices)


def _of_length(scan: Scan, file: Path, n_images: int, n_channels: int) -> tuple[Remark, ...]:
    """Warn of a file of another length than it should have; what that means isn't guessed."""
    n_frames = n_images // n_channels
    if scan.n_frames in (0, n_frames):
        return ()
    detectors, rest = divmod(n_images, scan.n_frames)
    is_more = n_channels < detectors <= MOST_CHANNELS and not rest
    hint = (
        f" If it holds {detectors} channels, of which {n_channels} "
        f"{'is' if n_channels == 1 else 'are'} named, say so: `channels={detectors}`."
    )
    return as_warnings(
        f"{file.name} holds {counted(n_frames, 'frame')}, but {EXPERIMENT} speaks of "
        f"{scan.n_frames:,}: those that are there were opened.{hint if is_more else ''}"
    )


def _of_average(scan: Scan) -> tuple[Remark, ...]:
    if scan.averaged == 1:
        return ()
    return as_notes(f"Each frame is the mean of {scan.averaged}, which the microscope averaged.")


def _of_others(file: Path, others: list[Path]) -> tuple[Remark, ...]:
    if not others:
        return ()
    return as_warnings(
        f"The folder has {counted(len(others) + 1, 'file')} of frames: {file.name} was opened, not "
        f"{', '.join(each.name for each in others[:3])}{' ...' if len(others) > 3 else ''}."
    )


FORMAT = Format(
    open_files=lambda paths, wish=PLAIN: in_sequence([open_thor(path, wish) for path in paths]),
    glance=lambda path: Glance.of(open_thor(path)),
    started_at=started_at,
)
