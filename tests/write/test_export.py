"""Pixels, axes and sizes read back as they were written; nothing is left half-written."""

from dataclasses import replace

import dask.array as da
import h5py
import numpy as np
import pytest
import tifffile
import yaozarrs
import zarr

from napari_zstack_align import stack as stack_module
from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import run
from napari_zstack_align.write import ome_tiff
from napari_zstack_align.write.crop import largest_box
from napari_zstack_align.write.export import export_alignment, export_session, export_volume

CASES = [
    pytest.param("ZYX", (4, 5, 6), "float32", id="volume"),
    pytest.param("TYX", (7, 5, 6), "uint16", id="recording"),
    pytest.param("CZYX", (2, 4, 5, 6), "float32", id="volume of two channels"),
    pytest.param("TCYX", (4, 2, 5, 6), "int16", id="recording of two channels"),
    pytest.param("TCZYX", (2, 2, 3, 5, 6), "uint8", id="all axes"),
    pytest.param("ZYX", (1, 1, 6), "float32", id="one slice of one line"),
    pytest.param("CYX", (3, 5, 6), "uint8", id="three channels are no colours"),
    pytest.param("YX", (5, 6), "uint16", id="plane"),
]
SIZES = {"pixel_size_um": (0.8, 0.5), "z_step_um": 2.0, "frame_interval_s": 0.25}


def made(axes, shape, dtype):
    data = np.random.default_rng(0).uniform(0, 100, shape).astype(dtype)
    if data.dtype.kind == "f":
        data[..., 0] = np.nan
    names = ("green", "red", "far red")[: shape[axes.index("C")]] if "C" in axes else ("green",)
    chunks = (2, *shape[1:]) if len(shape) > 2 else shape
    return data, da.from_array(data, chunks), SIZES | {"channel_names": names}


@pytest.mark.parametrize(("axes", "shape", "dtype"), CASES)
@pytest.mark.parametrize("ending", [".ome.tif", ".tif"])
def test_ome_tiff_reads_back(tmp_path, axes, shape, dtype, ending):
    data, lazy, described = made(axes, shape, dtype)
    path = run(export_volume(tmp_path / f"out{ending}", lazy, axes, **described))
    with tifffile.TiffFile(path) as tif:
        series, metadata = tif.series[0], tifffile.xml2dict(tif.ome_metadata)
        # Axes of length 1 are not in the series; the XML has them all.
        long = "".join(a for a, n in zip(axes, shape, strict=True) if n > 1 or a in "YX")
        assert [a for a in series.axes if a in long] == list(long)
        np.testing.assert_array_equal(series.asarray().reshape(shape), data)
    pixels = metadata["OME"]["Image"]["Pixels"]
    assert {a: pixels[f"Size{a}"] for a in axes} == dict(zip(axes, shape, strict=True))
    assert (pixels["PhysicalSizeY"], pixels["PhysicalSizeX"]) == (0.8, 0.5)
    assert pixels["PhysicalSizeXUnit"] == pixels["PhysicalSizeYUnit"] == "µm"
    assert pixels.get("PhysicalSizeZ") == (2.0 if "Z" in axes else None)
    assert pixels.get("TimeIncrement") == (0.25 if "T" in axes else None)
    channels = pixels["Channel"] if isinstance(pixels["Channel"], list) else [pixels["Channel"]]
    assert tuple(c["Name"] for c in channels) == described["channel_names"]


def test_plain_tiff_readers_find_the_pixel_size(tmp_path):
    path = run(export_volume(tmp_path / "out.tif", np.zeros((2, 3, 4), "f4"), **SIZES))
    with tifffile.TiffFile(path) as tif:
        tags = tif.pages[0].tags
        x, y = (np.divide(*tags[name].value) for name in ("XResolution", "YResolution"))
        assert tags["ResolutionUnit"].value == tifffile.RESUNIT.CENTIMETER
        assert (1e4 / y, 1e4 / x) == pytest.approx((0.8, 0.5))


@pytest.mark.parametrize("limit", [10, 10**6], ids=["above", "below"])
def test_a_large_file_is_a_bigtiff(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(ome_tiff, "CLASSIC_BYTES", limit)
    data = np.arange(24, dtype="u2").reshape(2, 3, 4)
    path = run(export_volume(tmp_path / "out.tif", data))
    with tifffile.TiffFile(path) as tif:
        assert tif.is_bigtiff == (limit == 10)
        np.testing.assert_array_equal(tif.asarray(), data)


@pytest.mark.parametrize(("axes", "shape", "dtype"), CASES)
@pytest.mark.parametrize("ending", [".ome.zarr", ".zarr"])
def test_ome_zarr_reads_back_and_is_valid(tmp_path, axes, shape, dtype, ending):
    data, lazy, described = made(axes, shape, dtype)
    path = run(export_volume(tmp_path / f"out{ending}", lazy, axes, **described))
    yaozarrs.validate_zarr_store(path)
    group = zarr.open_group(path, mode="r")
    array = group["0"]
    np.testing.assert_array_equal(array[:], data)
    assert array.dtype == data.dtype
    assert array.chunks == (1,) * (len(shape) - 2) + shape[-2:]
    ome = group.attrs["ome"]
    assert ome["version"] == "0.5"
    scales = {"T": 0.25, "C": 1.0, "Z": 2.0, "Y": 0.8, "X": 0.5}
    image = ome["multiscales"][0]
    scale = image["datasets"][0]["coordinateTransformations"][0]["scale"]
    assert scale == [scales[a] for a in axes]
    units = {"T": "second", "C": None}
    assert [a.get("unit") for a in image["axes"]] == [units.get(a, "micrometer") for a in axes]
    assert [a["name"] for a in image["axes"]] == list(axes.lower())
    channels = ome["omero"]["channels"]
    assert tuple(c["label"] for c in channels) == described["channel_names"]
    first = data.take(0, axes.index("C")) if "C" in axes else data
    window = channels[0]["window"]
    assert (window["start"], window["end"]) == (np.nanmin(first), np.nanmax(first))


def test_unknown_sizes_are_not_made_up(tmp_path):
    data = np.zeros((2, 3, 4), "u1")
    with tifffile.TiffFile(run(export_volume(tmp_path / "a.tif", data))) as tif:
        assert "PhysicalSize" not in tif.ome_metadata
    group = zarr.open_group(run(export_volume(tmp_path / "a.zarr", data)), mode="r")
    assert not any("unit" in a for a in group.attrs["ome"]["multiscales"][0]["axes"])


ENDINGS = [".tif", ".zarr", ".h5", ".bin"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_one_plane_is_in_memory_and_a_cancel_leaves_nothing(tmp_path, ending):
    computed = []

    def plane(block_info=None):
        computed.append(block_info[None]["chunk-location"][0])
        return np.zeros((1, 3, 4), "f4")

    data = da.map_blocks(
        plane, chunks=((1,) * 6, (3,), (4,)), dtype="f4", meta=np.empty((0,) * 3, "f4")
    )
    job = export_volume(tmp_path / f"out{ending}", data, "TYX")
    computed.clear()
    progress = [next(job) for _ in range(2)]
    assert computed == [0, 1]
    assert [(p.done, p.total) for p in progress] == [(1, 6), (2, 6)]
    job.close()
    assert list(tmp_path.iterdir()) == []


def read_back(path):
    if path.is_dir() and (path / "data.bin").exists():
        ops = np.load(path / "ops.npy", allow_pickle=True).item()
        return np.fromfile(path / "data.bin", np.int16).reshape(-1, ops["Ly"], ops["Lx"])
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            return file["mov"][:]
    return zarr.open_group(path, mode="r")["0"][:] if path.is_dir() else tifffile.imread(path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_is_overwritten_unasked(tmp_path, ending):
    target = tmp_path / f"out{ending}"
    old, new = np.zeros((2, 3, 4), "u1"), np.ones((2, 3, 4), "u1")
    path = run(export_volume(target, old, "TYX"))
    with pytest.raises(InputError, match="exists already"):
        export_volume(target, new, "TYX")
    run(export_volume(target, new, "TYX", overwrite=True))
    np.testing.assert_array_equal(read_back(path), new)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["out.png", "out", ".tif", "out.tiff.gz"])
def test_an_unknown_ending_names_those_there_are(tmp_path, name):
    with pytest.raises(InputError, match=r"\.ome\.tif, \.tif, .*\.ome\.zarr, \.zarr"):
        export_volume(tmp_path / name, np.zeros((2, 3, 4)))


def test_pixel_types_that_ome_tiff_lacks(tmp_path):
    with pytest.raises(InputError, match="can't hold int64 pixels"):
        export_volume(tmp_path / "out.tif", np.zeros((2, 3, 4), np.int64))


def test_where_a_cropped_image_lies_is_recorded(tmp_path):
    data = np.zeros((2, 3, 4), "u1")
    described = SIZES | {"crop_origin_yx": (12, 7)}
    with tifffile.TiffFile(run(export_volume(tmp_path / "a.tif", data, **described))) as tif:
        image = tifffile.xml2dict(tif.ome_metadata)["OME"]["Image"]
    assert image["Description"].startswith("Cropped: the first pixel is row 12, column 7 of")
    path = run(export_volume(tmp_path / "a.zarr", data, **described))
    yaozarrs.validate_zarr_store(path)
    image = zarr.open_group(path, mode="r").attrs["ome"]["multiscales"][0]
    _, moved = image["datasets"][0]["coordinateTransformations"]
    assert moved["translation"] == pytest.approx([0, 12 * 0.8, 7 * 0.5])
    path = run(export_volume(tmp_path / "a.h5", data, "TYX", crop_origin_yx=(12, 7)))
    with h5py.File(path) as file:
        assert file["mov"].attrs["crop_origin_yx"].tolist() == [12, 7]


@pytest.mark.parametrize("ending", ENDINGS)
def test_aligned_frames_of_a_recording(recording, tmp_path, ending):
    path = run(export_alignment(tmp_path / f"out{ending}", recording))
    np.testing.assert_array_equal(read_back(path), recording.aligned().compute())


@pytest.mark.slow
@pytest.mark.parametrize("ending", ENDINGS)
def test_frames_cropped_to_the_common_field(recording, tmp_path, ending):
    path = run(export_alignment(tmp_path / f"out{ending}", recording, crop=True))
    box = largest_box(recording.common_fov())
    cropped = read_back(path)
    assert cropped.shape[1:] < (96, 112)
    np.testing.assert_array_equal(cropped, recording.aligned().compute()[:, *box.slices])


def test_a_zstack_gives_its_volume_unless_asked(alignment, tmp_path):
    path = run(export_alignment(tmp_path / "v.tif", alignment))
    assert tifffile.imread(path).shape == (4, 160, 192)
    path = run(export_alignment(tmp_path / "a.tif", alignment, "aligned"))
    assert tifffile.imread(path).shape == (20, 160, 192)


class Counted:
    """A source that says which frames were read, and how many at once."""

    def __init__(self, stack):
        self.shape, self.dtype, self._source = stack.shape, stack.dtype, stack.source
        self.reads = []

    def read(self, start, stop):
        self.reads.append((start, stop))
        return self._source.read(start, stop)


@pytest.mark.parametrize("ending", ENDINGS)
def test_each_frame_is_read_once_a_few_at_a_time(recording, tmp_path, monkeypatch, ending):
    monkeypatch.setattr(stack_module, "CHUNK_BYTES", 4 * recording.stack.read(0, 1).nbytes)
    source = Counted(recording.stack)
    counted = recording.with_stack(recording.stack.replace(source=source), check_frames=False)
    counted = replace(counted, known_fill=recording.fill)
    run(export_alignment(tmp_path / f"out{ending}", counted, crop=True))
    # an export that may have to go on tells its frames by their fingerprint first
    reads = source.reads[3:] if ending == ".zarr" else source.reads
    assert reads == [(t, t + 4) for t in range(0, 40, 4)]


@pytest.mark.slow
@pytest.mark.parametrize("ending", ENDINGS)
def test_recordings_of_a_session_lie_in_one_box(recording, tmp_path, ending):
    shift = np.tile(np.eye(3), (40, 1, 1))
    shift[:, 0, 2] = 9.0
    other = replace(recording, transforms=Transforms((96, 112), (AffineLink(shift),)))
    target = tmp_path / f"larva{ending}"
    stages = []
    paths = run(
        export_session(target, [recording, other], crop=True), lambda p: stages.append(p.stage)
    )
    stem = "larva_generated recording"
    suffix = "" if ending == ".bin" else ending
    assert paths == [tmp_path / f"{stem}{suffix}", tmp_path / f"{stem}_2{suffix}"]
    both = [read_back(path) for path in paths]
    box = largest_box(recording.common_fov() & other.common_fov())
    for alignment, cropped in zip((recording, other), both, strict=True):
        np.testing.assert_array_equal(cropped, alignment.aligned().compute()[:, *box.slices])
    assert any(stage.endswith("(2 of 2)") for stage in stages)


def test_nothing_of_a_session_is_written_where_one_is_in_the_way(recording, tmp_path):
    (tmp_path / "larva_generated recording_2.h5").touch()
    with pytest.raises(InputError, match="exists already"):
        export_session(tmp_path / "larva.h5", [recording, recording])


def test_a_cancelled_session_keeps_the_finished_files(recording, tmp_path):
    job = export_session(tmp_path / "larva.h5", [recording, recording])
    while not next(job).stage.endswith("(2 of 2)"):
        pass
    job.close()
    assert [path.name for path in tmp_path.iterdir()] == ["larva_generated recording.h5"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"path": "out.h5", "what": "movie"}, "what must be one of volume, aligned"),
        ({"path": "out.h5", "what": "volume"}, "has no frames_per_slice"),
        ({"path": "there.h5"}, "exists already"),
        ({"path": "there.h5", "crop": True}, "exists already"),
        ({"path": "no/out.h5"}, "there is no folder"),
        ({"path": "out.avi"}, r"must end in .* or \.\w+, which chooses the format"),
    ],
    ids=str,
)
def test_what_can_not_work_is_said_at_the_call(recording, tmp_path, options, said):
    (tmp_path / "there.h5").touch()
    path = tmp_path / options.pop("path")
    with pytest.raises(InputError, match=said):
        export_alignment(path, recording, **options)


def test_the_raw_file_is_never_written_over(recording, tmp_path):
    path = run(export_volume(tmp_path / "raw.tif", recording.stack.data[:, 0], "TYX"))
    before = path.read_bytes()
    opened = recording.with_stack(recording.stack.replace(paths=(path,)))
    with pytest.raises(InputError, match="holds the raw frames"):
        export_alignment(tmp_path / "raw.tif", opened, overwrite=True)
    assert path.read_bytes() == before
