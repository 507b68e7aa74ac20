# ruff: noqa: E501
"""Files and folders that are no stacks: headers, tables of pages and metadata of all kinds."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from refusing import check_sentence, done_or_refused, each, refused
from tiff_tags import with_tag

import napari_zstack_align as nza
from napari_zstack_align.progress import run
from napari_zstack_align.write.export import export_volume

FRAMES = np.random.default_rng(1).integers(0, 9999, (6, 20, 24)).astype(np.uint16)


def opened(path: Path) -> Any:
    """Open, and read what is there."""
    stack = nza.open_stack(path)
    return stack.read(0, stack.n_frames)


def refused_with(file: Path, content: bytes, path: Path | None = None) -> None:
    """Fail unless a file of such content, or the image at ``path`` that it is of, is refused."""
    file.write_bytes(content)
    refused(lambda: opened(path or file))


# -- .npy --------------------------------------------------------------------------------------


def npy(header: str, data: bytes = FRAMES.tobytes(), version: tuple[int, int] = (1, 0)) -> bytes:
    text = header.encode("latin-1") + b"\n"
    size = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + size + text + data


def described(shape: str = "(6, 20, 24)", descr: str = "'<u2'", fortran: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"


SHAPES = [
    "None", "()", "6", "(6,)", "(6, -20, 24)", "(-6, -20, 24)", "(6.0, 20, 24)", "('6', 20, 24)",
    "(None, 20, 24)", "(True, 20, 24)", "[6, 20, 24]", "{6, 20, 24}", "(6, 20, 24, 1, 1, 1)",
    "(6, 20, 25)", "(7, 20, 24)", "(0, 20, 24)", "(6, 0, 24)", "(6, 20, 0)",
    "(10**9, 20, 24)", "(1" + "0" * 30 + ", 20, 24)", "(9999999999, 1, 1)",
    "(18446744073709551616, 1, 1)", "(9223372036854775807, 2, 2)", "(2, 9223372036854775807, 2)",
    "(6, (20, 24))", "(6j, 20, 24)", "(6, 20, 24", "(6, 8, 20, 24)", "(20, 24, 3)",
    "(1, 1, 100000, 100000)", "'abc'", "b'abc'", "__import__('os').getpid()",
]  # fmt: skip
DTYPES = [
    "'|O'", "'O'", "None", "3", "''", "'nonsense'", "'<U4'", "'|S3'", "'<c8'", "'|b1'", "'<M8[s]'",
    "'<m8[ns]'", "'<V8'", "'|V0'", "'<u3'", "'<f3'", "[('a', '<u2')]", "[('a', '<u2'), ('b', 'O')]",
    "('<u2', (2, 2))", "{'a': 1}", "'<u2,<u2'", "'<i99'", "b'<u2'", "'<S0'",
]  # fmt: skip
HEADERS = [
    "", "{}", "{", "}", "None", "3", "[]", "'descr'", "{'descr': '<u2'}",
    "{'descr': '<u2', 'fortran_order': False}", "{'shape': (6, 20, 24)}",
    "{'descr': '<u2', 'fortran_order': False, 'shape': (6, 20, 24), 'more': 1}",
    "{1: 2, 'fortran_order': False, 'shape': (6, 20, 24)}", "(" * 5000, "-" * 5000 + "1",
    "[" * 90 + "]" * 90, "{'descr': '<u2', 'fortran_order': False, 'shape': (6, 20, 24)} + 1",
    "\x00" * 64, "\xe9\xff\xfe" * 20, "lambda: 3", "{**{}}", "{'descr': x}", "9" * 9000, "1" + "L" * 20,
]  # fmt: skip
NPY = {
    **{f"shape {shape[:40]}": npy(described(shape)) for shape in SHAPES},
    **{f"descr {descr}": npy(described(descr=descr)) for descr in DTYPES},
    **{f"header {k}": npy(header) for k, header in enumerate(HEADERS)},
    **{f"order {f}": npy(described(fortran=f)) for f in ("True", "None", "1", "'no'", "[]")},
    **{f"version {v}": npy(described(), version=v) for v in ((0, 0), (2, 7), (3, 1), (9, 9))},
    **{f"cut to {n}": npy(described())[:n] for n in (1, 6, 7, 8, 9, 10, 11, 30, 70, 80, 500)},
    "header of 4 GB": b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + bytes(100),
    "header beyond the end": b"\x93NUMPY\x01\x00\xff\xff" + bytes(100),
    "NaN everywhere": npy(described("(2, 3, 4)", "'<f4'"), np.full(24, np.nan, "f4").tobytes()),
    "pickle": npy(described("(1,)", "'|O'"), b"\x80\x04cos\nsystem\n(S'true'\ntR."),
}


def test_npy(tmp_path: Path) -> None:
    path = tmp_path / "movie.npy"
    each((name, partial(refused_with, path, content)) for name, content in NPY.items())


# -- TIFF --------------------------------------------------------------------------------------


def tiff(path: Path, **options: Any) -> bytes:
    tifffile.imwrite(path, FRAMES, **options)
    return path.read_bytes()


KINDS: dict[str, dict[str, Any]] = {
    "shaped": {},
    "plain": {"metadata": None},
    "imagej": {"imagej": True},
    "ome": {"ome": True},
    "bigtiff": {"bigtiff": True},
    "big endian": {"byteorder": ">"},
    "zlib": {"compression": "zlib", "metadata": None},
    "tiles": {"tile": (16, 16), "metadata": None},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_tiff_that_was_cut_off(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "movie.tif"
    data = tiff(path, **KINDS[kind])

    def check(part: float) -> None:
        path.write_bytes(data[: int(part * len(data))])
        if kind == "ome" and part >= 0.9:  # only the description is gone, which stands at the end
            np.testing.assert_array_equal(opened(path)[:, 0], FRAMES)
            return
        if part == 0.99:
            path.write_bytes(data[:-1500])
        refused(lambda: opened(path))

    each((f"{part}", partial(check, part)) for part in (0.01, 0.1, 0.3, 0.6, 0.9, 0.99))


TAGS = [
    (256, 0), (256, None), (256, 1_000_000), (257, 0), (257, None), (257, 1_000_000),
    (258, 0), (258, 7777), (258, 128), (259, 0), (259, 77), (259, 50001),
    (262, 2), (262, 6), (273, 4_000_000_000), (273, None), (277, 0), (277, 3), (277, 60000),
    (278, 0), (279, 4_000_000_000), (339, 5), (339, 9),
]  # fmt: skip


def test_a_tag_of_a_page(tmp_path: Path) -> None:
    path = tmp_path / "movie.tif"
    data = tiff(path, metadata=None, photometric="minisblack", rowsperstrip=20)
    with tifffile.TiffFile(path) as file:
        codes = {tag.code for tag in file.pages[0].tags}

    def check(code: int, value: int | None) -> None:
        path.write_bytes(with_tag(data, code, value))
        done_or_refused(lambda: opened(path))

    each((f"{c} {v}", partial(check, c, v)) for c, v in TAGS if c in codes)


RATIONALS = [(0, 0), (1, 0), (0, 1), (0xFFFFFFFF, 1), (1, 0xFFFFFFFF)]


@pytest.mark.parametrize(("over", "under"), RATIONALS)
@pytest.mark.parametrize("kind", ["plain", "imagej"])
def test_resolutions_without_sense_are_no_hindrance(
    kind: str, over: int, under: int, tmp_path: Path
) -> None:
    """A resolution of n/0 was a ZeroDivisionError."""
    path = tmp_path / "movie.tif"
    tiff(path, **KINDS[kind], resolution=(3.0, 3.0))
    with tifffile.TiffFile(path) as file:
        places = [file.pages[0].tags[code].valueoffset for code in (282, 283)]
    with path.open("r+b") as raw:
        for place in places:
            raw.seek(place)
            raw.write(struct.pack("<II", over, under))
    assert nza.open_stack(path).read(0, 1).shape[2:] == (20, 24)


DESCRIPTIONS = [
    '{"shape": [6, 20, 24]', '{"shape": null}', '{"shape": "all"}', '{"shape": [0, 20, 24]}',
    '{"shape": [6.5, 20, 24]}', '{"shape": [999999999, 20, 24]}', '{"shape": [true, 20, 24]}',
    '{"shape": []}', '{"shape": [6, 20, 24], "axes": 3}', '{"shape": [6, 20, 24], "axes": "QQQQ"}',
    '{"shape": [6, 20, 24], "fps": 0}', '{"shape": [6, 20, 24], "fps": "fast"}',
    '{"shape": [6, 20, 24], "finterval": null, "spacing": [1]}',
    '{"shape": [6, 20, 24], "unit": 7, "spacing": -1}', '{"shape": ' + "[" * 3000,
    "ImageJ=1.11a\nimages=6\nframes=0\n", "ImageJ=1.11a\nimages=-6\n", "ImageJ=\nimages=x\n",
    "ImageJ=1.11a\nimages=6\nfinterval=0\nfps=0\n", "ImageJ=1.11a\nimages=999999999\n",
    "ImageJ=1.11a\nimages=6\nslices=nan\nspacing=inf\n", "ImageJ=1.11a\nimages=6\nunit=\\u00\n",
    "ImageJ=1.11a\nimages=6\nmin=\nmax=\nhyperstack=maybe\n", "<OME", "<OME/>", "<OME></OME>",
    '<?xml version="1.0"?><OME><Image/></OME>',
    "<OME><Image><Pixels SizeX='0' SizeY='0' SizeT='0' DimensionOrder='XYCZT'/></Image></OME>",
    "<OME><Image><Pixels SizeX='24' SizeY='20' SizeT='-6' SizeZ='1' SizeC='1' "
    "DimensionOrder='XYCZT' Type='uint16'><TiffData/></Pixels></Image></OME>",
    "<OME><Image><Pixels SizeX='x' SizeY='20' SizeT='6' SizeZ='1' SizeC='1' "
    "DimensionOrder='TTTTT' Type='quark'><TiffData IFD='-3' PlaneCount='x'/></Pixels></Image></OME>",
    "<OME><Image><Pixels SizeX='24' SizeY='20' SizeT='999999999' SizeZ='999999999' SizeC='1' "
    "DimensionOrder='XYCZT' Type='uint16'><TiffData/></Pixels></Image></OME>",
    "<OME><Image><Pixels SizeX='24' SizeY='20' SizeT='6' SizeZ='1' SizeC='1' PhysicalSizeX='0' "
    "DimensionOrder='XYCZT' Type='uint16' TimeIncrement='nan'><TiffData/></Pixels></Image></OME>",
    '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;&b;">]><OME>&c;&c;</OME>',
]  # fmt: skip


def test_a_description_without_sense(tmp_path: Path) -> None:
    """It opens as the plain file that it is, or is refused in a sentence."""
    path = tmp_path / "movie.tif"

    def check(description: str) -> None:
        with tifffile.TiffWriter(path) as writer:
            for k, frame in enumerate(FRAMES):
                text = description.encode() if k == 0 else None
                writer.write(frame, description=text, metadata=None, contiguous=False)
        try:
            assert opened(path).shape[2:] == (20, 24)
        except nza.InputError as error:
            check_sentence(str(error))

    each((text[:60], partial(check, text)) for text in DESCRIPTIONS)


# -- zarr --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def zarrs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("zarrs")
    zarr.create_array(folder / "v3.zarr", data=FRAMES, chunks=(1, 20, 24))
    zarr.create_array(folder / "v2.zarr", data=FRAMES, chunks=(1, 20, 24), zarr_format=2)
    run(export_volume(folder / "ome.zarr", FRAMES, "TYX"))
    return {"v3": folder / "v3.zarr", "v2": folder / "v2.zarr", "ome": folder / "ome.zarr"}


ODD: list[Any] = [None, -1, 0, "x", [], {}, [None], 1e300, True]
NEEDED = {
    ("v3", "zarr.json"): (
        "shape", "data_type", "chunk_grid", "chunk_key_encoding", "codecs", "zarr_format",
        "node_type", "fill_value",
    ),
    ("v2", ".zarray"): ("shape", "dtype", "chunks", "compressor", "zarr_format", "order", "filters"),
    ("ome", "zarr.json"): ("zarr_format", "node_type", "attributes"),
    ("ome", "0/zarr.json"): (
        "shape", "data_type", "chunk_grid", "chunk_key_encoding", "codecs", "zarr_format",
        "node_type", "fill_value", "dimension_names",
    ),
}  # fmt: skip
GONE = object()


@pytest.mark.slow
@pytest.mark.parametrize("place", NEEDED, ids=" ".join)
def test_fields_of_zarr(place: tuple[str, str], zarrs: dict[str, Path], tmp_path: Path) -> None:
    """A field that is missing, or of another kind: a sentence, or the frames all the same."""
    kind, file = place
    path = tmp_path / "movie.zarr"
    shutil.copytree(zarrs[kind], path)
    good = json.loads((path / file).read_text())
    good.pop("consolidated_metadata", None)

    def check(field: str, odd: Any) -> None:
        facts = {name: value for name, value in good.items() if name != field}
        (path / file).write_text(json.dumps(facts if odd is GONE else {**facts, field: odd}))
        done_or_refused(lambda: opened(path))

    each(
        (f"{field} {odd}", partial(check, field, odd))
        for field in NEEDED[place]
        for odd in (GONE, *ODD)
    )


CONTENTS = {
    "nothing": b"", "no JSON": b"{", "a list": b"[]", "null": b"null", "not UTF-8": b"\xff\xfe{}",
    "cut": b'{"zarr_format": 3, "node_', "too deep": b"[" * 100_000, "an image": b"II*\0" + bytes(50),
}  # fmt: skip


@pytest.mark.parametrize("place", NEEDED, ids=" ".join)
def test_the_json_of_zarr(place: tuple[str, str], zarrs: dict[str, Path], tmp_path: Path) -> None:
    kind, file = place
    path = tmp_path / "movie.zarr"
    shutil.copytree(zarrs[kind], path)
    each(
        (name, partial(refused_with, path / file, content, path))
        for name, content in CONTENTS.items()
    )


@pytest.mark.parametrize("kind", ["v3", "ome"])
def test_a_chunk_of_zarr(kind: str, zarrs: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "movie.zarr"
    shutil.copytree(zarrs[kind], path)
    chunk = (path if kind == "v3" else path / "0") / "c/2/0/0"
    each(
        (name, partial(refused_with, chunk, CONTENTS[name], path))
        for name in ("nothing", "cut", "not UTF-8", "an image", "too deep")
    )


# -- what is no image at all -------------------------------------------------------------------

OTHERS: dict[str, bytes] = {
    "empty": b"", "a byte": b"I", "a text": b"hello, this is no image", "zeros": bytes(1000),
    "PNG": b"\x89PNG\r\n\x1a\n" + bytes(99), "JPEG": b"\xff\xd8\xff\xe0" + bytes(99),
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(99), "zip": b"PK\x03\x04" + bytes(99),
    "pickle": b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00]\x94.", "gzip": b"\x1f\x8b" + bytes(99),
    "PDF": b"%PDF-1.4\n", "TIFF without pages": b"II*\0" + bytes(4),
    "TIFF that points at itself": b"II*\0\x04\0\0\0" + bytes(40), "TIFF magic alone": b"MM\0*",
    "BigTIFF magic alone": b"II+\0\x08\0\0\0", "NumPy magic alone": b"\x93NUMPY",
    "TIFF of 65535 tags": b"II*\0\x08\0\0\0\xff\xff" + bytes(60),
    "JSON": b'{"a": 1}', "CSV": b"id,y,x,radius\n1,2,3,4\n", "random": bytes(range(256)) * 9,
}  # fmt: skip


@pytest.mark.parametrize("suffix", [".tif", ".npy", ""])
def test_what_is_no_image(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"movie{suffix}"
    each((name, partial(refused_with, path, content)) for name, content in OTHERS.items())


def _folder(path: Path) -> None:
    path.mkdir()


def _texts(path: Path) -> None:
    path.mkdir()
    (path / "notes.txt").write_text("no image")


def _unlike(path: Path) -> None:
    path.mkdir()
    tifffile.imwrite(path / "a.tif", FRAMES)
    tifffile.imwrite(path / "b.tif", FRAMES[:, :10])


def _types(path: Path) -> None:
    path.mkdir()
    np.save(path / "a.npy", FRAMES)
    np.save(path / "b.npy", FRAMES.astype(np.float32))


def _one_broken(path: Path) -> None:
    path.mkdir()
    tifffile.imwrite(path / "a.tif", FRAMES)
    (path / "b.tif").write_bytes(b"II*\0")


def _nothing(path: Path) -> None:
    pass


def _lost_link(path: Path) -> None:
    path.symlink_to("nowhere.tif")


def _link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _fifo_inside(path: Path) -> None:
    path.mkdir()
    os.mkfifo(path / "a.tif")


def _fifo_for_zarr(path: Path) -> None:
    path.mkdir()
    os.mkfifo(path / "zarr.json")


def _fifo_for_run(path: Path) -> None:
    path.mkdir()
    os.mkfifo(path / "run.json")


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def _endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


PLACES: dict[str, Callable[[Path], None]] = {
    name.strip("_").replace("_", " "): action
    for name, action in list(globals().items())
    if name in ("_folder", "_texts", "_unlike", "_types", "_one_broken", "_nothing", "_lost_link",
                "_link_to_itself", "_fifo", "_fifo_inside", "_fifo_for_zarr", "_fifo_for_run",
                "_socket", "_endless")
}  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such files here")
@pytest.mark.parametrize("name", PLACES)
def test_a_place_that_holds_no_image(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # names of sockets must be short
    PLACES[name](Path("movie.tif"))
    refused(lambda: opened(Path("movie.tif")))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such files here")
@pytest.mark.parametrize("name", ["fifo", "socket", "lost link", "folder", "endless"])
@pytest.mark.parametrize("what", ["ROIs", "parameters", "any result", "transforms"])
def test_a_place_that_holds_no_table(
    what: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_zstack_align.write.transforms import read_transforms

    monkeypatch.chdir(tmp_path)
    path = Path("a.csv")
    PLACES[name](path)
    actions: dict[str, Callable[[], Any]] = {
        "ROIs": lambda: nza.load_rois(path),
        "parameters": lambda: nza.AdaptiveParams.from_file(path),
        "any result": lambda: nza.load(path),
        "transforms": lambda: read_transforms(path, (20, 24)),
    }
    refused(actions[what])


NAMES: dict[str, Any] = {
    "a zero byte": "a\0b.tif", "too long": "a" * 300 + ".tif", "nothing": "", "a list of none": [],
    "a number": 3, "None": None, "a folder in a list": ["."], "half a surrogate": "\ud800.tif",
    "a line break": "a\nb.tif", "bytes of no text": b"\xff\xfe.tif", "a list of numbers": [1, 2],
    "one of two": ["no.tif", "neither.tif"],
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_none(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused(lambda: nza.open_stack(NAMES[name]))


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_no_result(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused(lambda: nza.load(NAMES[name]))
