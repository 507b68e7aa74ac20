"""Tables that are one file: nothing else is replaced by them, and links are followed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cases import CASES, digest, recording, rois

import napari_zstack_align as nza
from napari_zstack_align.atomic import hidden_stem, temporary_beside
from napari_zstack_align.cells.roi_table import save_rois
from napari_zstack_align.errors import InputError
from napari_zstack_align.saved import ROI_TABLE, check_table
from napari_zstack_align.saved.lock import lock_beside


def test_a_table_of_another_kind_is_left_alone(tmp_path: Path) -> None:
    saved = recording(1).save(tmp_path / "run")
    quality = next(saved.glob("quality-*.csv"))
    other = tmp_path / "animals.csv"
    other.write_text("name,recordings\na,b.tif\n")
    for path in (quality, other):
        before = path.read_bytes()
        for overwrite in (True, False):
            with pytest.raises(InputError, match="is no table of ROIs, and is left alone"):
                check_table(path, ROI_TABLE, overwrite)
            with pytest.raises(InputError, match="is no table of ROIs"):
                rois(1).save(path, overwrite)
        assert path.read_bytes() == before
    written = save_rois(rois(1), other, overwrite=True, beside=True)  # it came during the work
    assert written == tmp_path / "animals-2.csv"
    with pytest.raises(InputError, match="is no table of ROIs"):
        check_table(saved, ROI_TABLE, overwrite=True)


def test_an_empty_file_is_no_loss(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.touch()
    assert rois(1).save(path, overwrite=True) == path
    assert digest(nza.load(path)) == digest(rois(1))


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    target = rois(1).save(tmp_path / "far" / "rois.csv")
    link = tmp_path / "mine.csv"
    link.symlink_to("far/rois.csv")
    assert rois(2).save(link, overwrite=True) == link
    assert link.is_symlink()
    assert digest(nza.load(target)) == digest(rois(2))
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["far", "mine.csv", "rois.csv"]


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_link_to_nothing_is_found_before_the_work(overwrite: bool, tmp_path: Path) -> None:
    link = tmp_path / "lost.csv"
    link.symlink_to("nowhere/x.csv")
    for act in (rois(1).save, lambda path, over: check_table(path, ROI_TABLE, over)):
        with pytest.raises(InputError, match="link to a place that doesn't exist"):
            act(link, overwrite)
    assert link.is_symlink()


def test_a_long_name_has_room_for_all_that_is_written_beside_it(tmp_path: Path) -> None:
    longest = tmp_path / ("l" * 247 + ".csv")
    check_table(longest, ROI_TABLE, overwrite=False)
    assert rois(1).save(longest) == longest
    assert digest(nza.load(longest)) == digest(rois(1))
    assert [each.name for each in tmp_path.iterdir()] == [longest.name]
    assert save_rois(rois(2), longest, beside=True).name == "l" * 247 + "-2.csv"
    with pytest.raises(InputError, match="its name is too long; leave out 3 bytes"):
        check_table(tmp_path / ("l" * 250 + ".csv"), ROI_TABLE, overwrite=False)


def test_hidden_names_are_never_too_long(tmp_path: Path) -> None:
    for name in ("r.csv", "l" * 255, "\N{LATIN SMALL LETTER E WITH ACUTE}" * 127):
        for hidden in (temporary_beside(tmp_path / name), lock_beside(tmp_path / name)):
            assert len(os.fsencode(hidden.name)) <= 255
            assert hidden.name.startswith(f".{hidden_stem(tmp_path / name)}.")
    assert hidden_stem(Path("r.csv")) == "r.csv"
    assert hidden_stem(Path("l" * 254)) != hidden_stem(Path("l" * 255))


def test_what_stopped_saves_left_goes_and_files_of_the_user_stay(tmp_path: Path) -> None:
    case = CASES["ROIs"]
    path = case.path(tmp_path)
    litter = [".rois.csv.3f2a9c1b.part", ".rois.csv.lock", ".rois.csv.zstack-align.lock"]
    for name in litter:
        (tmp_path / name).touch()
    case.save(case.new, path)
    assert [each.name for each in tmp_path.iterdir()] == ["rois.csv"]
    for name in litter[1:]:
        (tmp_path / name).write_text("mine")
    case.save(case.old, path)
    assert {(tmp_path / name).read_text() for name in litter[1:]} == {"mine"}
