"""Numbers of things, in words."""

import pytest

from napari_zstack_align.counting import are, counted, decimal, ordinal, were


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 frames"), (1, "1 frame"), (2, "2 frames"), (27000, "27,000 frames")],
)
def test_the_noun_follows_the_number(number, text):
    assert counted(number, "frame") == text


def test_so_does_the_verb():
    assert [are(n) for n in range(3)] == ["are", "is", "are"]
    assert [were(n) for n in range(3)] == ["were", "was", "were"]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (12, "12th"),
        (13, "13th"),
        (21, "21st"),
        (22, "22nd"),
        (113, "113th"),
    ],
)
def test_ordinals(number, text):
    assert ordinal(number) == text


def test_decimals_have_a_minus_sign_and_no_negative_zero() -> None:
    written = [decimal(-0.0013), decimal(-0.0), decimal(-0.02), decimal(0.864), decimal(-3.14, 1)]
    assert written == ["0.00", "0.00", "−0.02", "0.86", "−3.1"]
