"""A folder that Suite2p takes for a registered plane: ``data.bin`` (int16) and ``ops.npy``."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.saved.occupant import others_in
from napari_zstack_align.write.image import Image
from napari_zstack_align.write.int16 import Fit, Movie
from napari_zstack_align.write.replacing import replacing
from napari_zstack_align.write.suite2p_ops import plane_ops, times_in_ops
from napari_zstack_align.write.target import check_export_target

NAMES = ("data.bin", "data_chan2.bin")
OPS, BAD_FRAMES = "ops.npy", "bad_frames.npy"
OWN = {*NAMES, OPS, BAD_FRAMES}


def write_suite2p(path: str | Path, image: Image, *, overwrite: bool = False) -> Job[Path]:
    """Write a recording of one or two channels for Suite2p, registration switched off.

    ``NAME.bin`` makes the folder ``NAME``. Pixels that int16 can't hold are shifted or scaled, a
    channel at a time, never wrapped: value = stored / scale + offset, with ``int16_scale`` and
    ``int16_offset`` (``..._chan2``) in ``ops.npy``. Pixels outside the raw frame that are NaN are
    stored as the lowest value of their channel. Until that is known, the folder holds the pixels in
    their own type besides.

    Returns
    -------
    generator of Progress
        Returns the folder. The last ``note`` says what became of the values.
    """
    folder = Path(path).with_suffix("")
    image.check_recording("A Suite2p binary")
    if image.n_channels > len(NAMES):
        raise InputError(
            f"Suite2p takes one or two channels, not {image.n_channels}: export a stack of those."
        )
    check_export_target(folder, overwrite, is_suite2p_export, is_folder=True)
    if folder.exists() and any(each.name not in OWN for each in others_in(folder)):
        raise InputError(
            f"{folder} holds other files than a Suite2p binary, which would be lost: choose "
            f"another name."
        )
    return _write(folder, image, overwrite)


def is_suite2p_export(folder: Path) -> bool:
    """Whether a folder was written by `write_suite2p`: Suite2p itself keeps no ``bad_frames``."""
    return all((folder / name).is_file() for name in (OPS, NAMES[0], BAD_FRAMES))


def _write(folder: Path, image: Image, overwrite: bool) -> Job[Path]:
    with replacing(folder, overwrite) as unfinished, ExitStack() as files:
        unfinished.mkdir()
        frame = image.shape[-2:]
        movies = [
            files.enter_context(Movie(unfinished / f"{name}.part", frame, image.dtype))
            for name in NAMES[: image.n_channels]
        ]
        for done, (index, plane) in enumerate(image.planes()):
            movies[image.channel_of(index)].add(plane)
            yield Progress("Writing Suite2p binary", done + 1, image.n_planes)
        fits, means = [], []
        for name, movie in zip(NAMES, movies, strict=False):
            fits.append(movie.fit())
            means.append((yield from movie.as_int16(unfinished / name, fits[-1])))
        _save_ops(unfinished, _ops(folder.absolute(), image, fits, means))
        files.close()
        yield Progress("Writing Suite2p binary", image.n_planes, image.n_planes, _note(image, fits))
    return folder


def _save_ops(unfinished: Path, ops: dict[str, Any]) -> None:
    # Suite2p reads a pickled dictionary, nothing else.
    np.save(unfinished / OPS, np.array(ops, dtype=object), allow_pickle=True)
    np.save(unfinished / BAD_FRAMES, np.flatnonzero(ops["badframes"]))


def _ops(
    folder: Path, image: Image, fits: list[Fit], means: list[npt.NDArray[np.float32]]
) -> dict[str, Any]:
    n_frames = image.sizes["T"]
    bad = np.zeros(n_frames, bool)
    bad[list(image.bad_frames)] = True
    ops = plane_ops(folder, image.shape[-2:], n_frames, image.n_channels)
    ops |= {"keep_movie_raw": False, "input_format": "binary", "badframes": bad}
    if image.frames is not None:
        ops |= times_in_ops(image.frames)
    for suffix, name, fit, mean in zip(("", "_chan2"), NAMES, fits, means, strict=False):
        ops[f"reg_file{suffix}"] = str(folder / name)
        ops[f"meanImg{suffix}"] = mean
        ops[f"int16_offset{suffix}"], ops[f"int16_scale{suffix}"] = fit.offset, fit.scale
    if image.frame_rate_hz is not None:
        ops["fs"] = image.frame_rate_hz
    if image.pixel_size_um is not None:
        ops["pixel_size_um"] = image.pixel_size_um
        ops["aspect"] = image.pixel_size_um[1] / image.pixel_size_um[0]
    if image.outside is not None:
        ops["outside_raw_frames"] = image.outside.sentence
    if image.crop_origin_yx is not None:
        ops["crop_origin_yx"] = image.crop_origin_yx
    return ops


def _note(image: Image, fits: list[Fit]) -> str:
    names = image.channel_names if image.n_channels > 1 else ("",)
    sentences = [fit.sentence(name) for name, fit in zip(names, fits, strict=False)]
    if image.frame_rate_hz is None:
        sentences.append("The frame rate is unknown: set fs in Suite2p.")
    return " ".join(sentences)
