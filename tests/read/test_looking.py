"""Looking at the head of files: what is claimed opens, and what is no movie is left alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from napari_zstack_align.read import holds_frames, open_stack

MOVIE = np.random.default_rng(0).integers(0, 60000, (6, 20, 30)).astype(np.uint16)
IMAGE = MOVIE[0]

Writer = Callable[[Path], Any]


def tiff(data: Any = MOVIE, name: str = "x.tif", **options: Any) -> Writer:
    def write(folder: Path) -> Path:
        tifffile.imwrite(folder / name, data, **options)
        return folder / name

    return write


def npy(data: Any, name: str = "x.npy") -> Writer:
    def write(folder: Path) -> Path:
        np.save(folder / name, data, allow_pickle=True)
        return folder / name

    return write


def raw(data: bytes, name: str) -> Writer:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return write


def plain_zarr(data: Any) -> Writer:
    def write(folder: Path) -> Path:
        zarr.save_array(folder / "x.zarr", data)
        return folder / "x.zarr"

    return write


def ome_zarr(axes: str, shape: tuple[int, ...], version: Any = 3, **more: Any) -> Writer:
    def write(folder: Path) -> Path:
        group = zarr.open_group(folder / "x.ome.zarr", mode="w", zarr_format=version)
        group.create_array("0", shape=shape, dtype="u2")
        named = [{"name": axis, "type": "space"} for axis in axes]
        image = {"multiscales": [{"axes": named, "datasets": [{"path": "0"}]}], **more}
        group.attrs.update({"ome": image} if version == 3 else image)
        return folder / "x.ome.zarr"

    return write


def attributes(**attrs: Any) -> Writer:
    def write(folder: Path) -> Path:
        group = zarr.open_group(folder / "x.zarr", mode="w")
        group.create_group("obs").create_array("0", shape=(5,), dtype="f4")
        group.attrs.update(attrs)
        return folder / "x.zarr"

    return write


def folder_of(*files: Writer) -> Writer:
    def write(folder: Path) -> Path:
        inside = folder / "run"
        inside.mkdir()
        for file in files:
            file(inside)
        return inside

    return write


def one_page_files(folder: Path) -> Path:
    inside = folder / "pages"
    inside.mkdir()
    for t, frame in enumerate(np.concatenate([MOVIE] * 10)):
        tifffile.imwrite(inside / f"Img_{t}.tif", frame, metadata=None)
    return inside


OURS: dict[str, Writer] = {
    "plain": tiff(metadata=None),
    "shaped": tiff(),
    "imagej": tiff(imagej=True, metadata={"axes": "TYX"}),
    "imagej, one directory": tiff(imagej=True, metadata={"axes": "TYX"}, truncate=True),
    "OME": tiff(name="x.ome.tif", metadata={"axes": "TYX"}),
    "OME of channels": tiff(
        MOVIE.reshape(3, 2, 20, 30), name="x.ome.tif", metadata={"axes": "TCYX"}
    ),
    "OME of two images of unlike size": lambda folder: _two_images(folder),
    "BigTIFF, big-endian": tiff(bigtiff=True, byteorder=">", name="x.btf"),
    "compressed": tiff(compression="zlib"),
    "tiles": tiff(tile=(16, 16)),
    "three frames that tifffile marks as colours": tiff(
        MOVIE[:3], photometric="rgb", planarconfig="separate", metadata={"axes": "TYX"}
    ),
    "float": tiff(MOVIE.astype(np.float32)),
    "OME of two images alike": lambda folder: _two_images_alike(folder),
    "last axis of one value": tiff(MOVIE[..., np.newaxis]),
    "npy": npy(MOVIE),
    "npy of little height": npy(MOVIE[:, :3, :4]),
    "npy of channels": npy(MOVIE.reshape(3, 2, 20, 30)),
    "zarr": plain_zarr(MOVIE),
    "OME-Zarr": ome_zarr("tyx", (6, 20, 30)),
    "OME-Zarr 0.4": ome_zarr("tczyx", (2, 2, 3, 20, 30), version=2),
    "volume as OME-Zarr": ome_zarr("zyx", (6, 20, 30)),
    "folder of pages": one_page_files,
    "folder of movies": folder_of(tiff(name="a.tif"), tiff(name="b.tif"), raw(b"x", "notes.txt")),
}

NOT_OURS: dict[str, Writer] = {
    "one picture": tiff(IMAGE),
    "one picture, OME": tiff(IMAGE, name="x.ome.tif"),
    "one picture of five channels, ImageJ": tiff(
        MOVIE[:5], imagej=True, metadata={"axes": "CYX", "mode": "composite"}
    ),
    "one picture of two channels, OME": tiff(MOVIE[:2], name="x.ome.tif", metadata={"axes": "CYX"}),
    "RGB": tiff(np.zeros((20, 30, 3), np.uint8), photometric="rgb"),
    "RGB movie": tiff(np.zeros((5, 20, 30, 3), np.uint8), photometric="rgb"),
    "RGB with planes apart": tiff(
        np.zeros((3, 20, 30), np.uint8), photometric="rgb", planarconfig="separate"
    ),
    "RGBA": tiff(np.zeros((20, 30, 4), np.uint8), photometric="rgb", extrasamples=["unassalpha"]),
    "palette": tiff(
        (IMAGE >> 8).astype(np.uint8), photometric="palette", colormap=np.zeros((3, 256), "u2")
    ),
    "RGB as npy": npy(np.zeros((20, 30, 3), np.uint16)),
    "RGBA movie as npy": npy(np.zeros((5, 20, 30, 4), np.float32)),
    "RGB as zarr": plain_zarr(np.zeros((20, 30, 3), np.float32)),
    "RGBA movie as zarr": plain_zarr(np.zeros((5, 20, 30, 4), np.uint16)),
    "npy of no pixel": npy(np.zeros((5, 0, 24))),
    "mask": tiff(MOVIE > 5000),
    "complex": tiff(MOVIE.astype(np.complex64)),
    "volumes in a page": tiff(
        np.zeros((5, 16, 32, 32), np.uint8), volumetric=True, tile=(16, 16, 16)
    ),
    "pages of two sizes": lambda folder: _two_sizes(folder),
    "picture with its thumbnail": lambda folder: _pyramid(folder),
    "text called .tif": raw(b"hello world, this is text", "x.tif"),
    "empty": raw(b"", "x.tif"),
    "cut header": raw(b"II*\0\x08", "x.tif"),
    "PNG": raw(b"\x89PNG\r\n\x1a\n" + bytes(20), "x.png"),
    "npz": raw(b"PK\x03\x04" + bytes(20), "x.npz"),
    "npy of one dimension": npy(np.arange(9)),
    "npy of a number": npy(np.array(3)),
    "npy picture": npy(IMAGE),
    "npy of colours": npy(np.zeros((20, 30, 3), np.uint8)),
    "npy of complex numbers": npy(MOVIE.astype(complex)),
    "npy of objects": npy(np.array([{"a": 1}, None, "b"], object)),
    "npy of texts": npy(np.array([[["a"] * 3] * 3] * 3)),
    "npy of records": npy(np.zeros((3, 4, 5), [("x", "f4"), ("y", "f4")])),
    "npy of five dimensions": npy(np.zeros((2, 2, 2, 3, 4))),
    "npy in Fortran order": npy(np.asfortranarray(MOVIE)),
    "npy that is cut": raw(b"\x93NUMPY\x01\x00", "x.npy"),
    "zarr picture": plain_zarr(IMAGE),
    "zarr of colours": plain_zarr(np.zeros((20, 30, 3), np.uint8)),
    "zarr of one dimension": plain_zarr(np.arange(9)),
    "zarr of booleans": plain_zarr(MOVIE > 5000),
    "OME-Zarr picture": ome_zarr("yx", (20, 30)),
    "OME-Zarr of colours": ome_zarr("cyx", (3, 20, 30)),
    "OME-Zarr labels": ome_zarr("tyx", (6, 20, 30), **{"image-label": {"version": "0.5"}}),
    "OME-Zarr of unknown axes": ome_zarr("uvyx", (2, 2, 20, 30)),
    "table in a zarr": attributes(**{"encoding-type": "anndata"}),
    "zarr with odd attributes": attributes(ome=[1, 2], multiscales={"a": None}),
    "OME-Zarr without its array": attributes(ome={"multiscales": [{"datasets": [{"path": 5}]}]}),
    "damaged zarr": folder_of(raw(b"{", "zarr.json")),
    "zarr of JSON that is a list": folder_of(raw(b"[]", "zarr.json")),
    "empty folder": folder_of(),
    "folder of documents": folder_of(raw(b"%PDF-1.7", "a.pdf"), raw(b"x", "notes.txt")),
    "folder of photographs": folder_of(
        *(tiff(np.zeros((9, 9, 3), np.uint8), f"{i}.tif", photometric="rgb") for i in range(3))
    ),
    "folder of pictures of two sizes": folder_of(tiff(IMAGE, "a.tif"), tiff(IMAGE[:7], "b.tif")),
    "folder with one picture": folder_of(tiff(IMAGE)),
    "folder of tables": folder_of(npy(np.arange(9), "a.npy"), npy(np.arange(5), "b.npy")),
    "missing": lambda folder: folder / "absent.tif",
    "address": lambda _: Path("https://example.org/x.tif"),
}


def _two_sizes(folder: Path) -> Path:
    with tifffile.TiffWriter(folder / "x.tif") as writer:
        writer.write(MOVIE[0])
        writer.write(MOVIE[1, :9])
    return folder / "x.tif"


def _two_images_alike(folder: Path) -> Path:
    with tifffile.TiffWriter(folder / "x.ome.tif") as writer:
        writer.write(MOVIE, metadata={"axes": "TYX"})
        writer.write(MOVIE, metadata={"axes": "TYX"})
    return folder / "x.ome.tif"


def _two_images(folder: Path) -> Path:
    with tifffile.TiffWriter(folder / "x.ome.tif") as writer:
        writer.write(MOVIE, metadata={"axes": "TYX"})
        writer.write(MOVIE[:, :10], metadata={"axes": "TYX"})
    return folder / "x.ome.tif"


def _pyramid(folder: Path) -> Path:
    with tifffile.TiffWriter(folder / "x.tif") as writer:
        writer.write(IMAGE, metadata=None)
        writer.write(IMAGE[::2, ::2], subfiletype=1, metadata=None)
    return folder / "x.tif"


@pytest.mark.parametrize("write", OURS.values(), ids=OURS)
def test_what_is_claimed_opens(write: Writer, tmp_path: Path) -> None:
    path = write(tmp_path)
    assert holds_frames(path)
    stack = open_stack(path)
    assert stack.n_frames > 1
    assert stack.read(0, 1).shape == (1, *stack.shape[1:])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("write", NOT_OURS.values(), ids=NOT_OURS)
def test_what_is_no_movie_is_left_alone(write: Writer, tmp_path: Path) -> None:
    assert holds_frames(write(tmp_path)) is False


def test_several_pictures_are_a_stack_along_time(tmp_path: Path) -> None:
    paths = [tiff(frame, f"{t}.tif")(tmp_path) for t, frame in enumerate(MOVIE)]
    assert holds_frames(paths)
    assert open_stack(paths).n_frames == len(MOVIE)
    assert not holds_frames([*paths, tiff(IMAGE[:7], "z.tif")(tmp_path)])
    assert not holds_frames([*paths, npy(np.arange(9), "z.npy")(tmp_path)])
    assert not holds_frames([])


def test_no_pixel_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 20,000 pages four directories are read, and nothing behind them."""
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, np.zeros((20000, 8, 8), np.uint8), metadata=None)
    for name in ("read_many", "TiffSource"):
        monkeypatch.setattr(f"napari_zstack_align.read.tiff.files.{name}", None)
    assert holds_frames(path)
