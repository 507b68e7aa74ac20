"""Files that labs have: examples of kinds that the other tests make themselves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_zstack_align.read import open_stack

MAKE = Path(__file__).resolve().parents[3] / "shared" / "cases" / "make_cases.py"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the files."""
    if not MAKE.is_file():
        pytest.skip("the examples (../shared/cases beside the project) are not here")
    folder = tmp_path_factory.mktemp("cases")
    subprocess.run([sys.executable, str(MAKE), str(folder)], check=True, capture_output=True)
    return folder


RIGHT: dict[str, tuple[dict[str, Any], tuple[int, int], tuple[int | None, str | None], str]] = {
    "si_2channels.tif": ({}, (60, 2), (6, "repeats"), "10 slices × 6 repeats of 2 channels"),
    "si_flyback.tif": ({}, (60, 1), (6, "slices"), "12 frames in all"),
    "si_averaged.tif": ({}, (10, 1), (1, "repeats"), "only slices can be aligned"),
    "broken_off.tif": ({"whole_frames": True}, (19, 1), (None, None), "19 whole frames of 20"),
    "stale_header.tif": ({}, (1, 1), (None, None), "1 is there"),
    "second_image.ome.tif": ({}, (20, 1), (None, None), "not Image1"),
    "with_projection": ({}, (20, 1), (None, None), "AVG_Img.tif was left out"),
}


@pytest.mark.parametrize(("said", "shape", "layout", "remark"), RIGHT.values(), ids=RIGHT)
def test_what_is_right(
    said: dict[str, Any],
    shape: tuple[int, int],
    layout: tuple[int | None, str | None],
    remark: str,
    cases: Path,
    request: pytest.FixtureRequest,
) -> None:
    stack = open_stack(cases / request.node.callspec.id, **said)
    assert stack.shape[:2] == shape
    assert (stack.frames_per_slice, stack.order) == layout
    assert remark in " ".join(stack.remarks)
    if request.node.callspec.id.startswith("si_"):
        assert (stack.n_slices, stack.z_step_um, stack.pixel_size_um) == (10, 2, (1, 1))


def test_channels_and_repeats_are_those_that_were_written(cases: Path) -> None:
    """The second channel is four times as bright; repeats of a slice resemble one another."""
    frames = open_stack(cases / "si_2channels.tif").read(0, 60).astype(float) + 20
    means = frames.mean(axis=(2, 3))
    assert (means[:, 1] > 3 * means[:, 0]).all()
    green = frames[:, 0].reshape(60, -1)
    alike = np.corrcoef(green)
    assert alike[0, 5] > 0.9 > 0.5 > alike[0, 6]


def test_no_print_setting(cases: Path) -> None:
    stack = open_stack(cases / "unit_cm.tif")
    assert stack.pixel_size_um is None
    assert any("print setting" in remark for remark in stack.remarks)
