import json
from dataclasses import replace

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.alignment import session
from napari_zstack_align.alignment.session import is_complete_session, unique_names
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
    assert is_complete_session(folder)
    facts = json.loads((folder / "session.json").read_text())
    assert facts["schema_version"] == 1
    assert facts["recordings"][2] == {
        "name": "second", "folder": "second_2.zalign", "frames": 40
    }  # fmt: skip


def test_one_alignment_still_loads_as_one(recording, tmp_path):
    folder = recording.save(tmp_path / "one")
    assert isinstance(nza.load_alignment(folder, recording.stack), nza.Alignment)


def test_a_partial_session_says_so(recording, tmp_path):
    quality = recording.quality.copy()
    quality["flag"][20:] = "not run"
    parts = [recording, replace(recording, quality=quality)]
    folder = nza.save_session(parts, tmp_path / "s")
    assert json.loads((folder / "session.json").read_text())["state"] == "incomplete"
    assert not is_complete_session(folder)
    assert [each.complete for each in nza.load_alignment(folder)] == [True, False]


def test_a_later_session_takes_the_place_of_the_earlier(recording, tmp_path):
    nza.save_session([named(recording, name) for name in "abc"], tmp_path)
    (tmp_path / "notes.txt").write_text("the larva's diary")
    recording.save(tmp_path / "own.zalign")
    nza.save_session([named(recording, name) for name in "cd"], tmp_path)
    assert files(tmp_path) == ["c.zalign", "d.zalign", "notes.txt", "own.zalign", "session.json"]


@pytest.mark.parametrize("earlier", [False, True], ids=["new", "over an earlier one"])
@pytest.mark.parametrize("stop_at", [0, 1])
def test_an_interrupted_write_names_no_missing_part(
    recording, tmp_path, monkeypatch, earlier, stop_at
):
    folder = tmp_path / "s"
    if earlier:
        nza.save_session([named(recording, name) for name in "ab"], folder)
    save, done = session.save_alignment, []

    def stopped(alignment, path):
        if len(done) == stop_at:
            raise KeyboardInterrupt
        done.append(path)
        return save(alignment, path)

    monkeypatch.setattr(session, "save_alignment", stopped)
    with pytest.raises(KeyboardInterrupt):
        nza.save_session([named(recording, name) for name in "xy"], folder)
    if earlier:
        assert [each.stack.name for each in nza.load_alignment(folder)] == ["a", "b"]
    else:
        assert not (folder / "session.json").exists()
        with pytest.raises(InputError, match=r"is no session|is no alignment"):
            nza.load_alignment(folder)


def _named(folder, *names):
    facts = {"schema_version": 1, "recordings": [{"folder": name} for name in names]}
    (folder / "session.json").write_text(json.dumps(facts))


DAMAGE = {
    "broken": (lambda f: (f / "session.json").write_text("{"), "damaged"),
    "no recordings": (
        lambda f: (f / "session.json").write_text('{"schema_version": 1}'),
        "damaged",
    ),
    "empty": (lambda f: _named(f), "damaged"),
    "newer": (lambda f: (f / "session.json").write_text('{"schema_version": 9}'), "newer version"),
    "missing part": (lambda f: _named(f, "a.zalign", "b.zalign"), r"no alignment .*b\.zalign"),
    "outside": (lambda f: _named(f, ".."), "beside it"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_session_gets_one_sentence(damage, recording, tmp_path):
    folder = nza.save_session([named(recording, "a")], tmp_path / "s")
    spoil, message = DAMAGE[damage]
    spoil(folder)
    with pytest.raises(InputError, match=message):
        nza.load_alignment(folder)
    nza.save_session([named(recording, "a")], folder)
    assert len(nza.load_alignment(folder)) == 1


def test_bad_input(recording, tmp_path):
    with pytest.raises(InputError, match="no recordings"):
        nza.save_session([], tmp_path / "s")
    one = recording.save(tmp_path / "one")
    with pytest.raises(InputError, match="alignment of one recording"):
        nza.save_session([recording], one)
    folder = nza.save_session([recording], tmp_path / "s")
    with pytest.raises(InputError, match="one of its alignments alone"):
        nza.load_alignment(folder, recording.stack)


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
