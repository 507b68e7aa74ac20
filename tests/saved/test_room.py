"""Whether a result has room: by trying, and by what is free."""

import re
import shutil
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import pytest

from napari_zstack_align.errors import InputError
from napari_zstack_align.saved import Journal, check_room, journal_folder
from napari_zstack_align.saved.room import no_room
from napari_zstack_align.saved.unit_file import Unit


@pytest.fixture
def little_room(monkeypatch, tmp_path):
    """Two megabytes are free."""
    usage = shutil.disk_usage(tmp_path)._replace(free=2 * 10**6)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)


def test_nothing_is_left_of_the_trial(tmp_path, little_room):
    check_room(tmp_path / "run.zalign", 10**6)
    (tmp_path / "run.zalign").mkdir()
    check_room(tmp_path / "run.zalign", 10**6)
    assert [path.name for path in tmp_path.rglob("*")] == ["run.zalign"]


def test_too_little_room_is_one_sentence(tmp_path, little_room):
    with pytest.raises(InputError, match=r"needs about 1.5 GB, but only 2.0 MB are free in"):
        check_room(tmp_path / "run.zalign", 1_500_000_000)


def test_what_the_journal_takes_is_written_already(tmp_path, little_room):
    target = tmp_path / "run.zalign"
    with Journal(journal_folder(target), {}) as journal:
        journal.write("slice-0", Unit("key", {"a": np.zeros(10**6, np.uint8)}))
    check_room(target, 2_900_000)
    with pytest.raises(InputError, match=r"needs about 2\.1 MB"):
        check_room(target, 3_100_000)


def test_a_place_that_refuses_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(InputError, match="can't be written"):
        check_room(tmp_path / "file" / "run.zalign", 1)


def test_a_journal_that_refuses_is_found_before_the_work(tmp_path, monkeypatch):
    target = tmp_path / "run.zalign"
    journal_folder(target).mkdir()

    def trial(dir):
        if dir == journal_folder(target):
            raise PermissionError(13, "Permission denied")
        return TemporaryFile(dir=dir)

    monkeypatch.setattr("napari_zstack_align.saved.room.TemporaryFile", trial)
    with pytest.raises(InputError, match=r"run.zalign.unfinished can't be written: Permission"):
        check_room(target, 1)


@pytest.mark.parametrize("needed", [60_100, 60_001, 2_000_001, 3_000_000_100])
def test_what_is_needed_and_free_differ_in_the_sentence(needed):
    said = no_room(Path("x.nwb"), needed, needed - 1)
    first, second = re.findall(r"[\d.,]+ (?:[kMG]B|bytes)", said)
    assert first != second
