"""Every way of storing the same frames reads the same."""

from __future__ import annotations

import logging
import pickle
import struct
import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.read import open_stack

STORED: dict[str, dict[str, Any]] = {
    "plain": {"metadata": None},
    "shaped": {},
    "one description of all frames": {"truncate": True},
    "bigtiff": {"bigtiff": True},
    "big-endian": {"byteorder": ">"},
    "big-endian bigtiff": {"byteorder": ">", "bigtiff": True},
    "imagej": {"imagej": True, "metadata": {"axes": "TYX"}},
    "imagej, one description": {"imagej": True, "truncate": True, "metadata": {"axes": "TYX"}},
    "ome": {"ome": True, "metadata": {"axes": "TYX"}},
    "strips": {"rowsperstrip": 7, "metadata": None},
    "two strips in the directory": {"rowsperstrip": 10, "bigtiff": True, "metadata": None},
    "tiles": {"tile": (16, 16)},
    "zlib": {"compression": "zlib"},
    "zlib with predictor": {"compression": "zlib", "predictor": True},
    "zlib strips": {"compression": "zlib", "rowsperstrip": 7},
    "lzw": {"compression": "lzw"},
    "zstd": {"compression": "zstd"},
    "compressed tiles": {"compression": "zlib", "tile": (16, 16)},
    "lossless jpeg 2000": {"compression": "jpeg2000"},
    "big-endian compressed": {"compression": "zlib", "byteorder": ">"},
}


@pytest.mark.parametrize("options", STORED.values(), ids=STORED)
def test_reads_the_frames(
    options: dict[str, Any], tmp_path: Path, frames: npt.NDArray[np.uint16]
) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, frames, **options)
    stack = open_stack(path)
    assert stack.shape == (12, 1, 20, 30)
    assert stack.dtype == np.uint16
    np.testing.assert_array_equal(stack.read(0, 12)[:, 0], frames)
    np.testing.assert_array_equal(stack.read(3, 5)[:, 0], frames[3:5])
    np.testing.assert_array_equal(stack.data[4:9, 0, 2:5].compute(), frames[4:9, 2:5])
    assert stack.read(5, 5).shape == (0, 1, 20, 30)
    assert stack.frames_per_slice is None
    assert stack.remarks == ()


TYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64"]


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("dtype", TYPES)
def test_reads_every_type(
    dtype: str, byteorder: Any, compression: str | None, tmp_path: Path, frames: Any
) -> None:
    data = (frames % 251).astype(dtype) - np.array(3, dtype)
    tifffile.imwrite(tmp_path / "x.tif", data, byteorder=byteorder, compression=compression)
    stack = open_stack(tmp_path / "x.tif")
    assert stack.dtype == data.dtype
    assert stack.dtype.isnative
    np.testing.assert_array_equal(stack.read(0, 12)[:, 0], data)


def test_pages_written_one_by_one_are_one_recording(tmp_path: Path, frames: Any) -> None:
    with tifffile.TiffWriter(tmp_path / "x.tif") as writer:
        for frame in frames:
            writer.write(frame, contiguous=False, compression="zlib")
    stack = open_stack(tmp_path / "x.tif")
    np.testing.assert_array_equal(stack.read(0, 12)[:, 0], frames)


def test_pages_of_different_compression(tmp_path: Path, frames: Any) -> None:
    with tifffile.TiffWriter(tmp_path / "x.tif") as writer:
        for i, frame in enumerate(frames):
            writer.write(frame, contiguous=False, compression=[None, "zlib", "lzw"][i % 3])
    stack = open_stack(tmp_path / "x.tif")
    np.testing.assert_array_equal(stack.read(0, 12)[:, 0], frames)


def test_descriptions_of_different_length(tmp_path: Path, frames: Any) -> None:
    with tifffile.TiffWriter(tmp_path / "x.tif") as writer:
        for i, frame in enumerate(frames):
            note = "frame " + "x" * (i % 4)
            tags = [(65000, "s", 0, "more", True)] if i % 5 == 2 else []
            writer.write(frame, contiguous=False, description=note, metadata=None, extratags=tags)
    np.testing.assert_array_equal(open_stack(tmp_path / "x.tif").read(0, 12)[:, 0], frames)


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"rowsperstrip": 7}], ids=str)
@pytest.mark.parametrize("planar", ["separate", "contig"])
def test_samples_are_channels(
    planar: Any, options: dict[str, Any], tmp_path: Path, frames: Any
) -> None:
    data = frames.reshape(6, 2, 20, 30)
    images = data if planar == "separate" else np.moveaxis(data, 1, -1)
    tifffile.imwrite(
        tmp_path / "x.tif", images, planarconfig=planar, photometric="minisblack", **options
    )
    stack = open_stack(tmp_path / "x.tif")
    assert stack.shape == (6, 2, 20, 30)
    np.testing.assert_array_equal(stack.read(0, 6), data)


AS_COLOURS: dict[str, Any] = {
    "three frames": ((3, 20, 30), {}, (3, None)),
    "slices of four repeats": ((3, 4, 20, 30), {"metadata": {"axes": "ZTYX"}}, (12, 4)),
    "compressed": ((4, 3, 20, 30), {"metadata": {"axes": "ZTYX"}, "compression": "zlib"}, (12, 3)),
}


@pytest.mark.filterwarnings("ignore:.*stored as RGB:DeprecationWarning")
@pytest.mark.parametrize(("shape", "options", "expected"), AS_COLOURS.values(), ids=AS_COLOURS)
def test_frames_that_tifffile_marks_as_colours(
    shape: Any, options: dict[str, Any], expected: Any, tmp_path: Path, frames: Any
) -> None:
    data = frames.reshape(-1)[: np.prod(shape)].reshape(shape)
    tifffile.imwrite(tmp_path / "x.tif", data, **options)
    stack = open_stack(tmp_path / "x.tif")
    assert (stack.n_frames, stack.frames_per_slice) == expected
    np.testing.assert_array_equal(stack.read(0, stack.n_frames).reshape(shape), data)


def test_metamorph_stack(tmp_path: Path, frames: Any) -> None:
    """One page, with an entry for each plane in a tag of its own."""
    tag = (33629, 5, 12, [1, 1] * 12, True)
    tifffile.imwrite(
        tmp_path / "x.stk", frames, truncate=True, extratags=[tag], description="", software=""
    )
    stack = open_stack(tmp_path / "x.stk")
    np.testing.assert_array_equal(stack.read(0, 12)[:, 0], frames)


def test_thumbnails_are_left_out(tmp_path: Path, frames: Any) -> None:
    with tifffile.TiffWriter(tmp_path / "x.tif") as writer:
        for frame in frames:
            writer.write(frame, contiguous=False, metadata=None)
            writer.write(frame[::2, ::2], subfiletype=1, contiguous=False, metadata=None)
    stack = open_stack(tmp_path / "x.tif")
    np.testing.assert_array_equal(stack.read(0, 12)[:, 0], frames)


def test_a_circle_of_pages_ends(tmp_path: Path, frames: Any) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, frames, metadata=None)
    with tifffile.TiffFile(path) as tiff:
        start = tiff.pages[11].offset
        n_tags = len(tiff.pages[11].tags)
        second = tiff.pages[1].offset
    with path.open("r+b") as file:
        file.seek(start + 2 + 12 * n_tags)
        file.write(struct.pack("<I", second))
    stack = open_stack(path)
    assert stack.n_frames == 12
    assert "circle" in stack.remarks[0]


def test_a_pickled_source_reads_on(tmp_path: Path, frames: Any) -> None:
    tifffile.imwrite(tmp_path / "x.tif", frames, compression="zlib")
    source = open_stack(tmp_path / "x.tif").source
    source.read(0, 1)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source)).read(2, 4)[:, 0], frames[2:4])


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_threads_read_what_one_reads(
    compression: str | None, tmp_path: Path, frames: npt.NDArray[np.uint16]
) -> None:
    tifffile.imwrite(tmp_path / "x.tif", frames, compression=compression)
    stack = open_stack(tmp_path / "x.tif")
    wrong: list[int] = []

    def work(t: int) -> None:
        for _ in range(20):
            if not np.array_equal(stack.read(t, t + 1)[0, 0], frames[t]):
                wrong.append(t)

    threads = [threading.Thread(target=work, args=(t,)) for t in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_warnings_of_tifffile_become_a_remark(
    tmp_path: Path, frames: Any, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, frames[:1], imagej=True, metadata={"Info": "some text"})
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        tiff.pages[0].tags["IJMetadata"].overwrite(b"nonsense", dtype=1)
    with caplog.at_level(logging.WARNING):
        stack = open_stack(path)
    assert not caplog.records
    assert len(stack.remarks) == 1
    assert "not quite regular" in stack.remarks[0]


def test_a_file_that_shrank_is_told(tmp_path: Path, frames: Any) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, frames)
    stack = open_stack(path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    with pytest.raises(nza.InputError, match="has become shorter"):
        stack.read(0, 12)
    path.unlink()
    with pytest.raises(nza.InputError, match="There is no file"):
        stack.read(0, 1)


def test_damaged_compression_is_told(tmp_path: Path, frames: Any) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, frames, compression="zlib")
    with tifffile.TiffFile(path) as tiff:
        offset = tiff.pages[3].dataoffsets[0]
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(bytes(50))
    stack = open_stack(path)
    np.testing.assert_array_equal(stack.read(2, 3)[0, 0], frames[2])
    with pytest.raises(nza.InputError, match="at page 3"):
        stack.read(0, 12)


def test_strips_that_lie_in_another_order(tmp_path: Path, frames: Any) -> None:
    """Two strips of a page change places in the file; its table of strips says so."""
    path = tmp_path / "x.tif"
    image = np.asarray(frames).reshape(-1, *frames.shape[-2:])[0]
    tifffile.imwrite(path, image, rowsperstrip=7, metadata=None, byteorder="<")
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        a, b, *rest = page.dataoffsets
        size = page.databytecounts[0]
        table = page.tags["StripOffsets"]
    strips = content[a : a + size], content[b : b + size]
    content[b : b + size], content[a : a + size] = strips
    stored = np.array([b, a, *rest]).astype({3: "<u2", 4: "<u4"}[int(table.dtype)])
    content[table.valueoffset : table.valueoffset + stored.nbytes] = stored.tobytes()
    path.write_bytes(content)
    np.testing.assert_array_equal(tifffile.imread(path), image)
    np.testing.assert_array_equal(open_stack(path).read(0, 1)[0, 0], image)
