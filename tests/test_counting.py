"""Numbers of things, in words."""

import pytest

from napari_zstack_align.counting import are, counted, were


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 frames"), (1, "1 frame"), (2, "2 frames"), (27000, "27,000 frames")],
)
def test_the_noun_follows_the_number(number, text):
    assert counted(number, "frame") == text


def test_so_does_the_verb():
    assert [are(n) for n in range(3)] == ["are", "is", "are"]
    assert [were(n) for n in range(3)] == ["were", "was", "were"]
