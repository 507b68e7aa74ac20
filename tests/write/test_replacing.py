"""Nothing unfinished under the name, nothing left beside it."""

import errno

import pytest

from napari_zstack_align.errors import InputError
from napari_zstack_align.write.replacing import replacing


def fill(path, kind, text):
    if kind == "folder":
        path.mkdir()
        path = path / "inside"
    path.write_text(text)


def content(path):
    return (path / "inside" if path.is_dir() else path).read_text()


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("old", [None, "file", "folder"])
def test_the_new_takes_the_place_of_the_old(tmp_path, kind, old):
    target = tmp_path / "out"
    if old:
        fill(target, old, "old")
    with replacing(target, overwrite=old is not None) as unfinished:
        fill(unfinished, kind, "new")
        assert not target.exists() or content(target) == "old"
    assert content(target) == "new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("stop", [KeyboardInterrupt, GeneratorExit, ValueError])
def test_a_stop_leaves_the_old_and_no_rest(tmp_path, kind, stop):
    target = tmp_path / "out"
    fill(target, kind, "old")
    with pytest.raises(stop), replacing(target, overwrite=True) as unfinished:  # noqa: PT012
        fill(unfinished, kind, "half")
        raise stop
    assert content(target) == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_one_sentence(tmp_path):
    said = r"out can't be written: No space left on device\."
    with pytest.raises(InputError, match=said), replacing(tmp_path / "out", overwrite=False):
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("name", "said"),
    [("there", "exists already"), ("no/folder", "there is no folder")],
)
def test_a_bad_target_is_refused_at_once(tmp_path, name, said):
    (tmp_path / "there").touch()
    with pytest.raises(InputError, match=said), replacing(tmp_path / name, overwrite=False):
        pytest.fail("the block must not run")


def test_what_another_program_finished_meanwhile_stays(tmp_path):
    target = tmp_path / "out"
    slow = replacing(target, overwrite=False)
    slow.__enter__().write_text("slow")
    with replacing(target, overwrite=False) as fast:
        fast.write_text("fast")
    with pytest.raises(InputError, match="exists already"):
        slow.__exit__(None, None, None)
    assert target.read_text() == "fast"
    assert list(tmp_path.iterdir()) == [target]
