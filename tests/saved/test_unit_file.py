"""A unit reads back equal, or not at all."""

import json

import numpy as np
import pytest

from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.saved.checksum import crc32c
from napari_zstack_align.saved.unit_file import MAGIC, Unit, read_unit, write_unit


@pytest.fixture
def unit() -> Unit:
    rows = empty_table(3, "slice")
    rows["flag"], rows["detail"] = "torn", "zerrissen µ"
    arrays = {
        "field": np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32),
        "rows": rows,
        "turned": np.arange(12.0).reshape(3, 4).T,
        "empty": np.zeros((0, 2), np.float32),
        "one": np.array(3.5),
    }
    frames = np.array([4, 9], np.uint32)
    return Unit("k" * 32, arrays, frames, frames + 7, ((12, 10**18 + 1),))


@pytest.fixture
def path(tmp_path, unit):
    write_unit(tmp_path / "a.unit", unit)
    return tmp_path / "a.unit"


def test_reads_back_equal(path, unit):
    read = read_unit(path)
    assert (read.key, read.files) == (unit.key, unit.files)
    assert set(read.arrays) == set(unit.arrays)
    for name, values in unit.arrays.items():
        assert read.arrays[name].dtype == values.dtype
        assert read.arrays[name].shape == values.shape
        assert read.arrays[name].tobytes() == values.tobytes()
    np.testing.assert_array_equal(read.frames, unit.frames)
    np.testing.assert_array_equal(read.digests, unit.digests)


def test_what_was_read_can_be_written_to(path):
    read_unit(path).arrays["field"][0] = 1


def test_every_cut_and_every_changed_byte_is_seen(tmp_path):
    path = tmp_path / "small.unit"
    write_unit(path, Unit("key", {"a": np.arange(5.0)}))
    whole = path.read_bytes()
    assert read_unit(path) is not None
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        assert read_unit(path) is None, end
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert read_unit(path) is None, at
    path.write_bytes(whole + b"\0")
    assert read_unit(path) is None


def _forged(head: object) -> bytes:
    """A file with a right checksum, whoever wrote it."""
    text = json.dumps(head).encode()
    rest = len(text).to_bytes(4, "little") + text
    return MAGIC + crc32c(rest).to_bytes(4, "little") + rest


@pytest.mark.parametrize(
    "head",
    [
        None,
        [],
        {},
        {"key": "", "files": [], "arrays": []},
        {"key": "", "files": [], "arrays": {"a": ["|O", [1]]}},
        {"key": "", "files": [], "arrays": {"a": ["<f8", [10**12]]}},
        {"key": "", "files": [], "arrays": {"a": ["<f8", [-1]]}},
        {"key": "", "files": [], "arrays": {"a": [[["b", "|O"]], [0]]}},
        {"key": "", "files": 3, "arrays": {"a": ["<f8", [0]]}},
    ],
)
def test_a_forged_head_is_no_unit(tmp_path, head):
    path = tmp_path / "a.unit"
    path.write_bytes(_forged(head))
    assert read_unit(path) is None


def test_objects_are_refused_not_pickled(tmp_path):
    with pytest.raises(TypeError, match="no objects"):
        write_unit(tmp_path / "a.unit", Unit("k", {"a": np.array([object()])}))


def test_what_is_no_file_is_no_unit(tmp_path):
    assert read_unit(tmp_path / "none.unit") is None
    (tmp_path / "folder.unit").mkdir()
    assert read_unit(tmp_path / "folder.unit") is None
