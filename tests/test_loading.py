"""`nza.load`: names as they were given when the result was saved."""

import pytest

import napari_zstack_align as nza


def test_the_suffix_that_saving_added_may_be_left_out(alignment, three_rois, tmp_path):
    assert alignment.save(tmp_path / "run").name == "run.zalign"
    assert isinstance(nza.load(tmp_path / "run"), nza.Alignment)
    three_rois.save(tmp_path / "cells.csv")
    assert isinstance(nza.load(tmp_path / "cells"), nza.Rois)


def test_what_is_there_goes_before_what_may_be_meant(alignment, tmp_path):
    alignment.save(tmp_path / "run")
    (tmp_path / "run").mkdir()
    with pytest.raises(nza.InputError, match="holds no saved result"):
        nza.load(tmp_path / "run")


@pytest.mark.parametrize("name", ["nothing", "nothing.zalign", "a/b"])
def test_where_nothing_is_saved(tmp_path, name):
    with pytest.raises(nza.InputError, match="There is no"):
        nza.load(tmp_path / name)
