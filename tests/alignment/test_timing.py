"""How long a person waits for a long recording's alignment to be saved and opened."""

from __future__ import annotations

import pytest

from napari_zstack_align.alignment.storage import load_alignment

from .test_storage import long_recording

pytestmark = pytest.mark.timing


def test_a_long_recording_is_saved_and_loaded_in_three_seconds(tmp_path, median_of, seconds):
    long = long_recording()
    folders = (tmp_path / f"{number}" for number in range(100))

    def save_and_load():
        load_alignment(long.save(next(folders)), long.stack)

    assert median_of(lambda: seconds(save_and_load)) < 3
