import json
from dataclasses import replace

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.alignment.session import unique_names
from napari_zstack_align.errors import InputError


def named(recording, name):
    return replace(recording, stack=recording.stack.replace(name=name))


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_recordings_read_back_in_their_order(recording, tmp_path):
    names = ["second", "first", "second", "day 2/third"]
    folder = nza.save_session([named(recording, name) for name in names], tmp_path / "a" / "s")
    assert files(folder) == [
        "day 2_third.zalign", "first.zalign", "second.zalign", "second_2.zalign", "session.json"
    ]  # fmt: skip
    loaded = nza.load_alignment(folder)
    assert [each.stack.name for each in loaded] == names
    for each in loaded:
        np.testing.assert_array_equal(
            each.transforms.displacement(7), recording.transforms.displacement(7)
        )
    facts = json.loads((folder / "session.json").read_text())
    assert (facts["kind"], facts["schema_version"], facts["state"]) == ("session", 2, "complete")
    assert {"name": "second", "folder": "second_2.zalign", "frames": 40}.items() <= facts[
        "recordings"
    ][2].items()


def test_one_alignment_still_loads_as_one(recording, tmp_path):
    folder = recording.save(tmp_path / "one")
    assert isinstance(nza.load_alignment(folder, recording.stack), nza.Alignment)


def test_a_partial_session_says_so(recording, tmp_path):
    quality = recording.quality.copy()
    quality["flag"][20:] = "not run"
    parts = [recording, replace(recording, quality=quality)]
    folder = nza.save_session(parts, tmp_path / "s")
    assert json.loads((folder / "session.json").read_text())["state"] == "incomplete"
    assert [each.complete for each in nza.load_alignment(folder)] == [True, False]


def test_a_later_session_takes_the_place_of_the_earlier(recording, tmp_path):
    nza.save_session([named(recording, name) for name in "abc"], tmp_path)
    (tmp_path / "notes.txt").write_text("the larva's diary")
    recording.save(tmp_path / "own.zalign")
    nza.save_session([named(recording, name) for name in "cd"], tmp_path)
    assert files(tmp_path) == ["c.zalign", "d.zalign", "notes.txt", "own.zalign", "session.json"]


def test_recordings_of_another_reference_are_no_session(recording, tmp_path):
    other = replace(recording, reference=recording.reference + 1)
    with pytest.raises(InputError, match="coordinates of one reference"):
        nza.save_session([named(recording, "a"), named(other, "b")], tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_bad_input(recording, tmp_path):
    with pytest.raises(InputError, match="no recordings"):
        nza.save_session([], tmp_path / "s")
    one = recording.save(tmp_path / "one")
    with pytest.raises(
        InputError, match="holds the alignment of generated recording, not a session"
    ):
        nza.save_session([recording], one)
    folder = nza.save_session([recording, recording], tmp_path / "s")
    with pytest.raises(InputError, match=r"of 2 recordings, and `stack` holds .*/s/generated"):
        nza.load_alignment(folder, recording.stack)
    (alone,) = nza.load_alignment(nza.save_session([recording], tmp_path / "t"), recording.stack)
    assert alone.stack is recording.stack
    other = nza.Stack.from_array(recording.stack.read(0, 9)[:, 0])
    with pytest.raises(InputError, match="frames"):
        nza.load_alignment(tmp_path / "t", other)


@pytest.mark.parametrize(
    ("names", "unique"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", "A", "a"], ["a", "A_2", "a_3"]),
        (["a", "a_2", "a"], ["a", "a_2", "a_3"]),
        (["a/b", "a:b", "..", ""], ["a_b", "a_b_2", "recording", "recording_2"]),
    ],
    ids=str,
)
def test_names_of_files_are_unique(names, unique):
    assert unique_names(names) == unique
