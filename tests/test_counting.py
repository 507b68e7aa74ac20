"""Numbers of things, in words."""

import pytest

from napari_zstack_align.counting import counted


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 frames"), (1, "1 frame"), (2, "2 frames"), (27000, "27,000 frames")],
)
def test_the_noun_follows_the_number(number, text):
    assert counted(number, "frame") == text
