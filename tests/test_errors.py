"""Errors can be caught as ours, and as the builtin that they are."""

import pytest

from napari_zstack_align.errors import AlignmentError, Cancelled, InputError, ZstackAlignError


@pytest.mark.parametrize(
    ("error", "builtin"),
    [(InputError("x"), ValueError), (AlignmentError("x"), RuntimeError), (Cancelled(), Exception)],
)
def test_families(error, builtin):
    assert isinstance(error, ZstackAlignError)
    assert isinstance(error, builtin)


def test_cancelled_carries_the_snapshot():
    assert Cancelled("half").partial == "half"
    assert Cancelled().partial is None


def test_a_message_is_one_line():
    assert str(InputError("m\n1.tif is odd (line 1:\r\n  x).")) == "m 1.tif is odd (line 1:   x)."
