"""What can't be used is told in one sentence, at the call."""

from __future__ import annotations

import numpy as np
import pytest
from tissue import N_SLICES, SHAPE, drift, record, volume

import napari_zstack_align as nza
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.raw_frames import MissingSource
from napari_zstack_align.alignment.transforms import identity

SIX = record(drift(6))


def frames(**how) -> nza.Stack:
    return nza.Stack.from_array(SIX, name="larva", **how)


def stack_of(array, **how) -> nza.Stack:
    return nza.Stack.from_array(array, "ZYX", name="brain", **how)


def aligned(stack: nza.Stack, n_frames: int | None = None) -> nza.Alignment:
    n = stack.n_frames
    quality = empty_table(n, "chunk")
    shape = stack.shape[2:]
    return nza.Alignment(
        stack, identity(n, shape), np.zeros(shape, np.float32), quality, nza.KeypointParams()
    )


def gone(stack: nza.Stack) -> nza.Stack:
    return stack.replace(source=MissingSource(stack.shape, stack.dtype, "The stack is gone."))


CASES = {
    "single image": (frames(), volume()[0], {}, "single image"),
    "single slice": (frames(), volume()[:1], {}, "single slice"),
    "single slice of a stack": (frames(), stack_of(volume()[:1]), {}, "brain is a single slice"),
    "four dimensions": (frames(), volume()[np.newaxis], {}, "give an array (Z, Y, X)"),
    "no stack": (SIX, volume(), {}, "open it with open_stack"),
    "other size": (frames(), volume()[:, 8:, 8:], {}, "give the pixel sizes of both"),
    "other place": (
        frames(pixel_size_um=(5.0, 5.0)),
        stack_of(volume(), pixel_size_um=(0.5, 0.5)),
        {},
        "covers 1 % of the frames",
    ),
    "reference of strings": (frames(), np.full((3, *SHAPE), "a"), {}, "whole or real numbers"),
    "recording's alignment as reference": (frames(), aligned(frames()), {}, "that of a z-stack"),
    "reference gone": (frames(), gone(stack_of(volume())), {}, "The stack is gone."),
    "recording gone": (gone(frames()), volume(), {}, "The stack is gone."),
    "channel": (
        frames(),
        volume(),
        {"params": nza.ZShiftParams(channel=1)},
        "larva has no channel 1",
    ),
    "reference channel": (
        frames(),
        stack_of(volume()),
        {"params": nza.ZShiftParams(reference_channel=2)},
        "no channel 2",
    ),
    "other parameters": (frames(), volume(), {"params": nza.TraceParams()}, "ZShiftParams"),
    "other alignment": (
        frames(),
        volume(),
        {"alignment": aligned(nza.Stack.from_array(record(drift(7))))},
        "has 6 frames, but the alignment 7",
    ),
    "alignment of other frames": (
        frames(),
        volume(),
        {"alignment": aligned(nza.Stack.from_array(SIX[:, 8:]))},
        "those of the alignment 88 × 112",
    ),
    "no alignment": (frames(), volume(), {"alignment": "run.zalign"}, "Give the Alignment"),
    "threads": (frames(), volume(), {"threads": 0}, "at least 1"),
    "tiny frames": (
        nza.Stack.from_array(np.zeros((3, 8, 8), np.uint16)),
        np.zeros((3, 8, 8), np.float32),
        {},
        "at least 16 × 16",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_refused_with_a_sentence(case: str) -> None:
    stack, reference, how, message = CASES[case]
    with pytest.raises(nza.InputError) as caught:
        nza.estimate_zshift(stack, reference, **how)
    sentence = str(caught.value)
    assert message in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize("value", [0.0, np.nan], ids=["zero", "NaN"])
def test_a_blank_reference_is_refused(value: float) -> None:
    blank = np.full((N_SLICES, *SHAPE), value, np.float32)
    with pytest.raises(nza.InputError, match=r"is blank|no numbers"):
        nza.run(nza.estimate_zshift(frames(), blank))


@pytest.mark.parametrize(
    "values",
    [{"patch_px": 8}, {"overlap": 0.9}, {"window_slices": 1}, {"fine_px": 4, "coarse_px": 5}],
)
def test_bounds_of_parameters(values: dict[str, float]) -> None:
    with pytest.raises(nza.InputError):
        nza.ZShiftParams(**values)
