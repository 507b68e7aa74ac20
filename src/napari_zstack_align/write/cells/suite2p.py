"""ROIs and traces as the folder that Suite2p's window opens by its ``stat.npy``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.read import MADE_BY
from napari_zstack_align.write.cells.field import FieldOfView
from napari_zstack_align.write.cells.gaps import (
    filled,
    good_frames,
    interpolated,
    mostly_unknown,
    never_seen,
)
from napari_zstack_align.write.cells.npy import write_header
from napari_zstack_align.write.cells.options import CellOptions, field_of
from napari_zstack_align.write.cells.suite2p_stat import stat_of
from napari_zstack_align.write.replacing import replacing
from napari_zstack_align.write.suite2p_ops import plane_ops, times_in_ops
from napari_zstack_align.write.target import check_export_target

NOT_DECONVOLVED = "not deconvolved"
FILES = {"stat.npy", "F.npy", "Fneu.npy", "spks.npy", "iscell.npy", "ops.npy"}
MARK = f"made_by_{MADE_BY}.txt"
"""Suite2p writes the rest of the names itself."""
TAU_S = 1.0
"""Decay of the indicator that Suite2p assumes; no trace depends on it."""


def write_suite2p_folder(
    path: str | Path,
    recordings: Sequence[Traces],
    options: CellOptions | None = None,
    *,
    overwrite: bool = False,
) -> Job[Path]:
    """Write the ROIs and raw traces of one recording.

    ``F.npy`` and ``Fneu.npy`` are (N, T) float32 raw counts of the first channel, without NaN:
    samples that are unknown are interpolated in time, and ``ops['interpolated_samples']`` (N,)
    counts them. ``ops['badframes']`` are the frames with a flag or left out, and those in which
    most ROIs are unknown. ROIs that were never seen are zero and no cell in
    ``iscell.npy``. ``spks.npy`` is zero: nothing was deconvolved. Further channels are
    ``F_chan2.npy``, ``Fneu_chan2.npy``, ...

    Parameters
    ----------
    path : path
        The folder.
    recordings : sequence of Traces
        Of one recording.
    options : CellOptions, optional
        Its ``field`` is the reference, in whose coordinates the ROIs are; by default the size of
        a frame, and no image.
    overwrite : bool
        Replace a folder that this function wrote.

    Returns
    -------
    generator of Progress
        Returns the folder. The last ``note`` says which values were made up.
    """
    path, (traces,) = Path(path), recordings
    field = field_of(traces, options)
    check_export_target(path, overwrite, is_suite2p_folder_export, is_folder=True)
    if path.exists() and not _holds_nothing_else(path):
        raise InputError(
            f"{path} holds other files than ROIs and traces, which would be lost: choose another "
            f"name."
        )
    return _write(path, traces, field, overwrite)


def is_suite2p_folder_export(path: Path) -> bool:
    """Whether a folder was written by `write_suite2p_folder`."""
    return (path / MARK).is_file()


def _holds_nothing_else(path: Path) -> bool:
    own = {*FILES, MARK}
    return all(f.name in own or f.name.startswith(("F_chan", "Fneu_chan")) for f in path.iterdir())


def _write(path: Path, traces: Traces, field: FieldOfView, overwrite: bool) -> Job[Path]:
    with replacing(path, overwrite) as unfinished:
        unfinished.mkdir()
        (unfinished / MARK).write_text(f"Cells that {MADE_BY} read.\n", encoding="utf-8")
        yield from _save_signals(unfinished, traces)
        unseen = never_seen(traces)
        np.save(unfinished / "iscell.npy", np.repeat(~unseen[:, None], 2, axis=1).astype("<f4"))
        # Suite2p reads pickled dictionaries, nothing else.
        stat = yield from stat_of(traces, field)
        np.save(unfinished / "stat.npy", stat, allow_pickle=True)
        ops = _ops(path, traces, field)
        np.save(unfinished / "ops.npy", np.array(ops, dtype=object), allow_pickle=True)
        yield Progress("Writing Suite2p's files", 1, 1, _note(traces, ops, unseen))
    return path


def _save_signals(folder: Path, traces: Traces) -> Job[None]:
    """Write F, Fneu and zeros for spikes, a ROI at a time."""
    files: dict[str, npt.NDArray[np.float32]] = {}
    for channel, (f, fneu) in enumerate(zip(traces.F, traces.Fneu, strict=True)):
        suffix = "" if channel == 0 else f"_chan{channel + 1}"
        files |= {f"F{suffix}.npy": f, f"Fneu{suffix}.npy": fneu}
    files["spks.npy"] = np.broadcast_to(np.float32(0), traces.F.shape[1:])
    total = len(files) * len(traces.ids)
    done = 0
    for name, values in files.items():
        with (folder / name).open("wb") as file:
            write_header(file, values.shape, "<f4")
            for row in values:
                file.write(filled(row).astype("<f4").tobytes())
                done += 1
                yield Progress("Writing Suite2p's files", done, total)


def _ops(folder: Path, traces: Traces, field: FieldOfView) -> dict[str, Any]:
    diameter = float(2 * np.median(traces.rois.circles[:, 2]))
    image = np.zeros(field.shape) if field.image is None else np.asarray(field.image)
    y, x = field.pixel_size_um or (1.0, 1.0)
    rate = frame_rate(traces)
    n_channels, _, n_frames = traces.F.shape
    return {
        **plane_ops(folder, field.shape, n_frames, n_channels),
        **times_in_ops(traces.acquisition),
        "fs": 1.0 if rate is None else rate,
        "frame_rate_known": rate is not None,
        "tau": TAU_S,
        "neucoeff": traces.params.neuropil_factor,
        "diameter": [diameter, diameter],
        "aspect": x / y,
        "meanImg": np.nan_to_num(image, nan=0.0).astype(np.float32),
        "badframes": mostly_unknown(traces) | ~good_frames(traces),
        "interpolated_samples": interpolated(traces),
        "spikedetect": False,
        "spks": NOT_DECONVOLVED,
        "roi_ids": traces.ids,
        "recording": traces.recording,
        "dark_level": traces.dark_level,
        "dark_level_source": traces.dark.source,
    }


def frame_rate(traces: Traces) -> float | None:
    """Frames a second; None where the frame times are unknown."""
    interval = traces.frame_interval_s
    return None if interval is None else 1 / interval


def _note(traces: Traces, ops: dict[str, Any], unseen: npt.NDArray[np.bool_]) -> str:
    sentences = ["spks.npy is zero: nothing was deconvolved."]
    bad, filled_in = np.count_nonzero(ops["badframes"]), ops["interpolated_samples"]
    if bad:
        frames = counted(len(traces.frames), "frame")
        sentences.append(
            f"{bad} of {frames} are in ops['badframes']: flagged, left out, or most ROIs unknown."
        )
    if filled_in.any():
        worst = int(np.argmax(filled_in))
        rois = counted(int(np.count_nonzero(filled_in)), "ROI")
        sentences.append(
            f"Samples of {rois} were interpolated, at most "
            f"{filled_in[worst]} (ROI {traces.ids[worst]}): ops['interpolated_samples']."
        )
    if unseen.any():
        ids = ", ".join(map(str, traces.ids[unseen][:10]))
        sentences.append(f"{counted(int(unseen.sum()), 'ROI')} never seen ({ids}): no cells.")
    if not ops["frame_rate_known"]:
        sentences.append("The frame rate is unknown: ops['fs'] is 1.")
    return " ".join(sentences)
