"""A key changes with all that a unit depends on, and with nothing else."""

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.saved import key_of, layout_of, values_of

IMAGE = np.arange(12, dtype=np.float32).reshape(3, 4)


def test_equal_parts_give_equal_keys():
    one = key_of("m 1", image=IMAGE, n=3, names=("a", None), more={"b": 1.5, "a": True})
    two = key_of("m 1", more={"a": True, "b": 1.5}, names=["a", None], n=np.int64(3), image=+IMAGE)
    assert one == two
    assert len(one) == 32


@pytest.mark.parametrize(
    "parts",
    [
        {"image": IMAGE + 1},
        {"image": IMAGE.T},
        {"image": IMAGE.reshape(4, 3)},
        {"image": IMAGE.astype(np.float64)},
        {"image": None},
        {"n": 4},
        {"n": 3.0},
        {"n": True},
        {"n": "3"},
        {"names": ("a", "bc")},
        {"names": ("ab", "c", ())},
        {"more": 1},
    ],
    ids=repr,
)
def test_every_change_gives_another_key(parts):
    same = {"image": IMAGE, "n": 3, "names": ("ab", "c")}
    assert key_of("m 1", **same) != key_of("m 1", **(same | parts))


def test_another_version_gives_another_key():
    assert key_of("m 1", n=1) != key_of("m 2", n=1)


def test_refuses_what_has_no_lasting_value():
    with pytest.raises(TypeError):
        key_of("m 1", thing=object())


def test_only_the_parameters_named_count():
    params = nza.AdaptiveParams(alpha=2.0)
    assert values_of(params, "alpha") == {"alpha": 2.0}


def test_the_layout_is_the_order_of_the_frames():
    stack = nza.Stack.from_array(np.zeros((6, 8, 8)), frames_per_slice=2)
    other = stack.replace(order="slices")
    assert layout_of(stack) == layout_of(stack.replace(name="b", pixel_size_um=(1, 1)))
    assert key_of("m", layout=layout_of(stack)) != key_of("m", layout=layout_of(other))
