"""ROIs and traces that are exported with the reference of another alignment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.cells import Rois
from napari_zstack_align.cells.made_on import made_on
from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.cli.main import main
from napari_zstack_align.errors import InputError
from napari_zstack_align.write.cells.export import export_rois, export_traces


@pytest.fixture
def other(recording: nza.Alignment) -> nza.Alignment:
    """Another animal of the same size."""
    return replace(recording, reference=recording.reference[::-1].copy())


@pytest.fixture
def rois(recording: nza.Alignment, three_rois: Rois) -> Rois:
    return replace(three_rois, made_on=made_on(recording))


def test_rois_of_another_reference_are_refused(
    recording: nza.Alignment, other: nza.Alignment, rois: Rois, tmp_path: Path
) -> None:
    right, wrong = (nza.FieldOfView.of(each) for each in (recording, other))
    with pytest.raises(InputError, match="The ROIs were made on the reference of another alignmen"):
        export_rois(tmp_path / "labels.tif", rois, field=wrong)
    unmarked = replace(rois, made_on=None)
    for each, field in ((rois, right), (unmarked, wrong), (rois, replace(wrong, made_on=None))):
        assert nza.run(export_rois(tmp_path / "labels.tif", each, field=field, overwrite=True))


@pytest.mark.parametrize("name", ["traces.nwb", "traces"])
def test_traces_of_another_reference_get_no_picture_of_it(
    other: nza.Alignment,
    rois: Rois,
    make_traces: Callable[..., Traces],
    name: str,
    tmp_path: Path,
) -> None:
    traces = make_traces(rois=rois)
    with pytest.raises(InputError, match="ROIs of the traces of larva_1 were made on"):
        export_traces(tmp_path / name, traces, field=nza.FieldOfView.of(other))
    assert not list(tmp_path.iterdir())


def test_the_command_says_so(
    other: nza.Alignment, recording: nza.Alignment, rois: Rois, tmp_path: Path, capsys
) -> None:
    table = rois.save(tmp_path / "rois.csv")
    for alignment, code in ((other, 2), (recording, 0)):
        saved = alignment.save(tmp_path / f"{code}.zalign")
        out = tmp_path / f"{code}.tif"
        assert main(["export", str(table), "--alignment", str(saved), "--out", str(out)]) == code
        assert out.exists() == (code == 0)
    assert "give the alignment or session that they were made on." in capsys.readouterr().err
    assert np.unique(nza.open_stack(tmp_path / "0.tif").read(0, 1)).size > 1
