"""Matrices of the frames, out and in."""

from dataclasses import replace

import numpy as np
import pytest

from napari_zstack_align.alignment.spline import grid_shape
from napari_zstack_align.alignment.transforms import AffineLink, SplineLink, Transforms
from napari_zstack_align.errors import InputError
from napari_zstack_align.write.transforms import (
    read_transforms,
    write_session_transforms,
    write_transforms,
)

SHAPE = (96, 112)


@pytest.fixture
def chained(recording):
    """The recording with a second link, a shift a frame."""
    shifts = np.tile(np.eye(3), (40, 1, 1))
    shifts[:, :2, 2] = np.random.default_rng(0).normal(size=(40, 2))
    links = (*recording.transforms.links, AffineLink(shifts))
    return replace(recording, transforms=Transforms(SHAPE, links))


@pytest.mark.parametrize("ending", [".csv", ".npy"])
def test_they_read_back_equal(chained, tmp_path, ending):
    path = write_transforms(tmp_path / f"t{ending}", chained)
    read = read_transforms(path, SHAPE)
    np.testing.assert_array_equal(read.matrices(), chained.transforms.matrices())
    points = np.array([[0.0, 0.0], [50.5, 20.25]])
    for t in (0, 39):
        np.testing.assert_allclose(
            read.to_raw(points, t), chained.transforms.to_raw(points, t), atol=1e-9
        )
    with pytest.raises(InputError, match="exists already"):
        write_transforms(path, chained)
    write_transforms(path, chained, overwrite=True)


def test_the_columns_are_those_of_the_matrix(recording, tmp_path):
    path = write_transforms(tmp_path / "t.csv", recording)
    header, *rows = path.read_text().splitlines()
    assert header == "frame,a00,a01,a02,a10,a11,a12,a20,a21,a22,raw_frame,time_s,recorded_at"
    y_shift = recording.transforms.to_raw([[0.0, 0.0]], 7)[0, 0]
    values = [float(value) for value in rows[7].split(",")[:10]]
    assert values[0::3][:2] == pytest.approx([7, y_shift])


def test_a_file_of_another_program(tmp_path):
    path = tmp_path / "other.csv"
    header = "frame,a00,a01,a02,a10,a11,a12,a20,a21,a22"
    path.write_bytes(f"\ufeff{header}\r\n0,1,0,2.5,0,1,-1,0,0,1\r\n\r\n".encode())
    read = read_transforms(path, SHAPE)
    np.testing.assert_array_equal(read.to_raw([[1, 1]], 0), [[3.5, 0]])


def test_fields_are_no_matrices(recording, tmp_path):
    field = SplineLink(np.zeros((40, 2, *grid_shape(SHAPE, 48.0)), np.float32), 48.0, SHAPE)
    bent = replace(recording, transforms=Transforms(SHAPE, (field,)))
    with pytest.raises(InputError, match="The transforms of generated recording hold smooth"):
        write_transforms(tmp_path / "t.csv", bent)
    assert list(tmp_path.iterdir()) == []


def test_another_ending(recording, tmp_path):
    with pytest.raises(InputError, match=r"must end in \.csv or \.npy"):
        write_transforms(tmp_path / "t.txt", recording)


ROW = "1,0,0,0,1,0,0,0,1"
HEADER = "frame,a00,a01,a02,a10,a11,a12,a20,a21,a22\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must have the columns"),
        ("t,a\n1,2\n", "must have the columns frame, a00"),
        (HEADER, r"not an array of shape \(0, 3, 3\)"),
        (HEADER + f"0,{ROW}\n1,1,0\n", "10 values in every row"),
        (HEADER + f"0,{ROW}\n2,{ROW}\n", "without gaps"),
        (HEADER + "0,one,0,0,0,1,0,0,0,1\n", "can't be read as transforms"),
        (HEADER + "0,nan,0,0,0,1,0,0,0,1\n", "matrix of frame 0"),
        (HEADER + f"0,{ROW}\n1,0,0,0,0,0,0,0,0,1\n", "matrix of frame 1"),
        (HEADER + f"0,{ROW}\n1,1,0,0,0,1,0,0,5,1\n", "last row must be 0, 0, 1"),
    ],
    ids=["empty", "header", "no rows", "short row", "gap", "word", "nan", "flat", "projective"],
)
def test_a_malformed_csv_gets_one_sentence(tmp_path, text, said):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_transforms(path, SHAPE)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((4, 2, 3)), r"not an array of shape \(4, 2, 3\)"),
        (np.array(["a"]), "array of numbers"),
        (np.array([{}]), "can't be read"),
    ],
    ids=["shape", "text", "pickle"],
)
def test_a_malformed_npy_gets_one_sentence(tmp_path, array, said):
    np.save(tmp_path / "t.npy", array, allow_pickle=True)
    with pytest.raises(InputError, match=said):
        read_transforms(tmp_path / "t.npy", SHAPE)


def test_no_file(tmp_path):
    with pytest.raises(InputError, match="There is no file"):
        read_transforms(tmp_path / "t.npy", SHAPE)


def test_no_file_of_a_session_takes_the_place_of_a_raw_one(recording, tmp_path):
    first, second = (
        recording.with_stack(
            recording.stack.replace(name=name, paths=(tmp_path / f"t_{name}.npy",))
        )
        for name in "ab"
    )
    np.save(second.stack.paths[0], np.zeros(3))
    before = second.stack.paths[0].read_bytes()
    with pytest.raises(InputError, match="holds the raw frames"):
        write_session_transforms(tmp_path / "t.npy", [first, second], overwrite=True)
    assert [*tmp_path.iterdir()] == [*second.stack.paths]
    assert second.stack.paths[0].read_bytes() == before


def test_no_file_takes_the_place_of_a_folder(recording, tmp_path):
    (tmp_path / "t.csv").mkdir()
    (tmp_path / "t.csv" / "mine.txt").touch()
    with pytest.raises(InputError, match="is a folder"):
        write_transforms(tmp_path / "t.csv", recording, overwrite=True)
    assert (tmp_path / "t.csv" / "mine.txt").is_file()


@pytest.mark.parametrize("ending", [".csv", ".npy"])
@pytest.mark.parametrize("size", [10, 1000])
def test_of_a_full_disk_it_is_said_why(chained, tmp_path, ending, size):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        with pytest.raises(InputError, match="File too large"):
            write_transforms(tmp_path / f"t{ending}", chained)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())
