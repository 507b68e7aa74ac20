"""Numbers with points, and commas that can be read in two ways."""

import pytest

from napari_zstack_align.typed_numbers import number, numbers


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", ()),
        ("0.8", (0.8,)),
        ("5", (5,)),
        ("0.8,0.5", (0.8, 0.5)),
        ("1.0,5", (1, 5)),
        ("1,5.0", (1, 5)),
        ("1e-1,5", (0.1, 5)),
        ("1 5", (1, 5)),
        ("1, 5", (1, 5)),
        (" 1;5 ", (1, 5)),
        ("0.5, 99.8", (0.5, 99.8)),
        ("1,", (1,)),
        ("-1,-5", (-1, -5)),
    ],
    ids=repr,
)
def test_clear_numbers(text, values):
    assert numbers(text) == values


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("1,5", "1.5 or 1.0,5.0"),
        ("1,50", "1.50 or 1.0,50.0"),
        ("0,8", "0.8 or 0.0,8.0"),
        ("-1,5", "-1.5 or -1.0,5.0"),
        ("1,2,3", "1.0,2.0,3.0"),
        ("0,8,0,5", "0.8,0.5 or 0.0,8.0,0.0,5.0"),
        ("0,8 0,5", "0.8,0.5 or 0.0,8.0,0.0,5.0"),
        ("0,8; 0,5", "0.8,0.5 or 0.0,8.0,0.0,5.0"),
        ("0,5, 99.8", "0.5,99.8 or 0.0,5.0,99.8"),
    ],
)
def test_an_unclear_comma_is_refused_with_every_reading(text, readings):
    with pytest.raises(ValueError, match=r"isn't clear, as a comma may stand for") as refused:
        numbers(text)
    assert str(refused.value).endswith(f": write {readings}")
    for reading in readings.split(" or "):
        numbers(reading)  # is clear itself


def test_readings_that_cannot_be_meant_are_not_named():
    with pytest.raises(ValueError, match=r": write 0\.8$"):
        numbers("0,8", lambda values: min(values) > 0)
    assert numbers("1,2,3", lambda values: len(values) < 3) == (1, 2, 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0,8", "'0,8' is not a number: write 0.8"),
        (",5", "',5' is not a number: write .5"),
        ("wide", "'wide' is not a number"),
        ("1,2,3", "'1,2,3' is not a number"),
    ],
)
def test_what_is_no_number(text, said):
    with pytest.raises(ValueError, match=f"^{said}$"):
        number(text)
