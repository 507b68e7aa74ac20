"""Reading traces in the worker, and what becomes of them: saved, loaded, exported."""

from __future__ import annotations

import csv
import time
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from driving import click, settled
from qtpy.QtWidgets import QApplication

from napari_zstack_align.cells import load_rois
from napari_zstack_align.cells.traces import load_traces
from napari_zstack_align.cells.traces.storage import load_session_traces, save_session_traces
from napari_zstack_align.errors import InputError
from napari_zstack_align.flags import Flag
from napari_zstack_align.gui.cells import trace_jobs, traces_run
from napari_zstack_align.gui.cells.trace_set import as_set, with_liveliest
from napari_zstack_align.progress import Progress
from napari_zstack_align.project import Project

from .conftest import CELLS, DARK, EVENTS, LENGTHS, traces_of


@pytest.fixture
def part(panel, session):
    return panel.traces


def status(part):
    return part.tab.run_bar.status.text()


def read(qtbot, panel):
    """Press the button until traces come: once more where the dark level wasn't known."""
    click(qtbot, panel.traces.tab.run_bar.run_button)
    settled(qtbot, panel)


def test_the_dark_level_is_shown_before_anything_is_read(qtbot, panel, part):
    read(qtbot, panel)
    assert not part.traces.recordings
    assert "don't tell the dark level" in status(part)
    assert "estimated" in part.tab.dark_words.text()
    assert not part.tab.accept_box.isHidden()
    part.tab.accept_box.setChecked(True)
    assert part.tab.form.values().accept_estimate
    read(qtbot, panel)
    assert [t.dark.source for t in part.traces.recordings] == ["estimated"] * 2
    assert all(t.dff_reliable for t in part.traces.recordings)


def test_read_again_goes_on_without_a_dark_level_and_says_so(qtbot, panel, part):
    read(qtbot, panel)
    read(qtbot, panel)
    assert len(part.traces.recordings) == 2
    assert not part.traces.recordings[0].dff_reliable
    panel.rois.select([1])
    assert "unreliable" in part.dock.words.text()


def test_a_file_without_light_gives_the_dark_level(qtbot, panel, part, tmp_path):
    rng = np.random.default_rng(0)
    dark = np.rint(rng.normal(DARK, 5, (20, 40, 40))).astype(np.uint16)
    tifffile.imwrite(tmp_path / "dark.tif", dark)
    part.run.measure_dark(tmp_path / "dark.tif")
    settled(qtbot, panel)
    assert "dark.tif has 100 counts without light" in status(part)
    assert part.tab.form.values().dark_level[0] == pytest.approx(DARK, abs=0.2)
    assert "from dark frames" in part.tab.dark_words.text()
    read(qtbot, panel)
    read(qtbot, panel)
    assert [t.dark.source for t in part.traces.recordings] == ["dark frames"] * 2
    assert "from dark frames" in part.tab.dark_words.text()
    part.tab.form.fields["dark_level"].set((DARK - 1.0,))
    read(qtbot, panel)
    read(qtbot, panel)
    assert [t.dark.source for t in part.traces.recordings] == ["given"] * 2
    dark[:, :20] += 100
    tifffile.imwrite(tmp_path / "lit.tif", dark)
    part.run.measure_dark(tmp_path / "lit.tif")
    settled(qtbot, panel)
    assert "show structure" in status(part)


def test_one_estimate_for_one_detector(qtbot, panel, part):
    part.tab.form.fields["same_detector"].set(True)
    part.tab.accept_box.setChecked(True)
    read(qtbot, panel)
    levels = [t.dark_level[0] for t in part.traces.recordings]
    assert levels[0] == levels[1]
    assert "It may lie anywhere from" in part.tab.dark_words.text()
    assert part.traces.recordings[0].dff_ends is not None


def test_a_dark_level_that_is_typed_in_is_used_at_once(qtbot, panel, part):
    part.tab.form.fields["dark_level"].set((float(DARK),))
    read(qtbot, panel)
    traces = part.traces.recordings
    assert [t.recording for t in traces] == ["part 1", "part 2"]
    assert part.tab.dark_words.text() == "100 counts, as given."
    for row, frame in EVENTS:
        lit = traces[0].dff[0, row, frame : frame + 5]
        rest = np.delete(traces[0].dff[0, row], np.s_[frame : frame + 5])
        assert np.nanmin(lit) > 1.5  # 400 more than 100 above the dark level, less the neuropil
        assert np.nanmax(np.abs(rest)) < 0.7  # without the motion undone, it leaves the cell
    assert part.dock.plot.timeline.lengths == LENGTHS
    assert "Read 3 ROIs in 70 frames." in status(part)


def test_wrong_dark_levels_are_one_sentence(qtbot, panel, part):
    part.tab.form.fields["dark_level"].set((1.0, 2.0, 3.0))
    read(qtbot, panel)
    assert "3 dark levels given" in status(part)
    assert "\n" not in status(part)


def test_cancel_keeps_what_was_read(qtbot, panel, part, monkeypatch, recordings, tmp_path):
    def slow(movies, rois, params):
        first = traces_of(recordings[0])
        for done in range(1000):
            yield Progress("Reading traces", done, 1000, partial=[first])
            time.sleep(0.005)
        return [first]

    monkeypatch.setattr(trace_jobs, "reading", slow)
    part.tab.form.fields["dark_level"].set((float(DARK),))
    click(qtbot, part.tab.run_bar.run_button)
    qtbot.waitUntil(lambda: bool(part.traces.recordings))
    click(qtbot, part.tab.run_bar.cancel_button)
    settled(qtbot, panel)
    assert "Cancelled; what was read is kept" in status(part)
    assert part.traces.names == ["part 1"]
    assert part.tab.buttons["save"].isEnabled()
    whole = save_session_traces([traces_of(r) for r in recordings], tmp_path / "larva")
    part.files.save(whole)
    settled(qtbot, panel)
    assert [each.recording for each in load_session_traces(whole)] == ["part 1", "part 2"]
    assert "larva-partial" in status(part)


def unfinished(given, wait):
    """A reading that goes on until it is cancelled or, once ``wait`` is empty, fails."""

    def reading(movies, rois, params):
        while wait:
            time.sleep(0.005)
            yield Progress("Reading traces", 1, 2, partial=[given])
        raise InputError("the disk is gone")

    return reading


@pytest.mark.parametrize("end", ["cancelled", "failed"])
def test_complete_traces_stay_until_all_is_read_again(
    end, qtbot, panel, part, monkeypatch, recordings
):
    part.tab.form.fields["dark_level"].set((float(DARK),))
    read(qtbot, panel)
    before, wait = part.traces, [True]
    assert before.complete
    monkeypatch.setattr(traces_run, "DRAW_INTERVAL_S", 0.0)
    monkeypatch.setattr(trace_jobs, "reading", unfinished(traces_of(recordings[0]), wait))
    bar = part.tab.run_bar
    click(qtbot, bar.run_button)
    qtbot.waitUntil(lambda: bar.worker.partial is not None)
    qtbot.wait(200)
    assert part.traces is before
    assert part.collect(Project()).traces["traces"] == before.recordings
    if end == "cancelled":
        click(qtbot, bar.cancel_button)
    wait.clear()
    settled(qtbot, panel)
    assert part.traces is before
    assert part.dock.traces is before
    assert ("as they were" if end == "cancelled" else "the disk is gone") in status(part)


def first_frames(traces, n_read):
    """Traces as they are when so many frames are read."""
    frames = traces.frames.copy()
    frames["flag"][n_read:] = Flag.NOT_RUN
    return replace(traces, frames=frames)


def test_of_two_that_were_cancelled_the_longer_one_is_kept(
    qtbot, panel, part, monkeypatch, recordings
):
    part.tab.form.fields["dark_level"].set((float(DARK),))
    monkeypatch.setattr(traces_run, "DRAW_INTERVAL_S", 0.0)
    whole, bar, kept = traces_of(recordings[0]), part.tab.run_bar, []
    for n_read in (8, 4, 12):
        wait = [True]
        monkeypatch.setattr(trace_jobs, "reading", unfinished(first_frames(whole, n_read), wait))
        click(qtbot, bar.run_button)
        qtbot.waitUntil(lambda: bar.busy and bar.worker.partial is not None)
        click(qtbot, bar.cancel_button)
        wait.clear()
        settled(qtbot, panel)
        kept.append(part.traces.n_read)
        assert ("as they were" in status(part)) == (n_read == 4)
    assert kept == [8, 8, 12]


def test_loading_asks_before_it_replaces_traces_in_no_file(
    qtbot, panel, part, recordings, tmp_path, answer
):
    part.show(as_set([traces_of(r) for r in recordings]))
    part.files.save(tmp_path / "larva")
    settled(qtbot, panel)
    part.files.load(tmp_path / "larva")  # both are in a file: nothing is asked
    settled(qtbot, panel)
    part.show(as_set([traces_of(r) for r in recordings]))
    unsaved = part.traces
    answer("Keep these")
    part.files.load(tmp_path / "larva")
    settled(qtbot, panel)
    assert part.traces is unsaved
    assert "The traces of 2 recordings are in no file of their own" in answer.asked[0]
    answer("Load them")
    part.files.load(tmp_path / "larva")
    settled(qtbot, panel)
    assert part.traces is not unsaved
    (tmp_path / "larva").rename(tmp_path / "elsewhere")
    answer("Keep these")
    part.files.load(tmp_path / "elsewhere")
    assert len(answer.asked) == 3


def test_traces_are_saved_and_come_back_with_their_rois(qtbot, panel, part, recordings, tmp_path):
    shown = [traces_of(r) for r in recordings]
    part.show(with_liveliest(shown))
    part.files.save(tmp_path / "larva")
    settled(qtbot, panel)
    assert len(list((tmp_path / "larva").glob("*/run.json"))) == 2
    panel.rois.delete([1, 2, 3])
    part.files.load(tmp_path / "larva")
    settled(qtbot, panel)
    assert part.traces.names == ["part 1", "part 2"]
    np.testing.assert_array_equal(part.traces.recordings[1].dff, shown[1].dff)
    np.testing.assert_array_equal(panel.rois.rois.circles, CELLS)


def test_one_recording_is_saved_as_one_folder(qtbot, panel, part, recordings, tmp_path):
    part.show(as_set(traces_of(recordings[0])))
    part.files.save(tmp_path / "one")
    settled(qtbot, panel)
    assert load_traces(tmp_path / "one").recording == "part 1"


def test_a_folder_without_traces_is_one_sentence(qtbot, panel, part, tmp_path):
    part.files.load(tmp_path)
    settled(qtbot, panel)
    assert "no traces: check its name" in status(part)


FORMATS = [
    ("CSV, one row per ROI and frame", "t.csv"),
    ("CSV, one row per frame", "t.csv"),
    ("CSV, one row per ROI", "t.csv"),
    ("NumPy", "t_part 1.npz"),
    ("Suite2p folder", "t_part 1"),
    ("ROIs as CSV", "t.csv"),
    ("ROIs as NumPy", "t.npz"),
    ("ROIs as image of labels", "t.ome.tif"),
]


@pytest.mark.parametrize(("words", "written"), FORMATS, ids=[words for words, _ in FORMATS])
def test_every_format_is_written(qtbot, panel, part, recordings, tmp_path, words, written):
    part.show(with_liveliest([traces_of(r) for r in recordings]))
    export(qtbot, panel, words, tmp_path / "t")
    assert (tmp_path / written).exists(), status(part)
    assert status(part).startswith("Wrote ")


@pytest.mark.parametrize(
    ("words", "package", "written"),
    [("ROIs for ImageJ", "roifile", "t.zip"), ("NWB", "pynwb", "t_part 1.nwb")],
)
def test_formats_with_a_package_of_their_own(
    qtbot, panel, part, recordings, tmp_path, words, package, written
):
    pytest.importorskip(package)
    part.show(with_liveliest([traces_of(r) for r in recordings]))
    export(qtbot, panel, words, tmp_path / "t")
    assert (tmp_path / written).exists(), status(part)


def export(qtbot, panel, words, path):
    tab = panel.traces.tab
    tab.format.setCurrentIndex(tab.format.findData(words))
    panel.traces.files.export(path)
    settled(qtbot, panel)


def test_what_was_exported_reads_back(qtbot, panel, part, recordings, tmp_path):
    part.show(with_liveliest([traces_of(r) for r in recordings]))
    export(qtbot, panel, "ROIs as CSV", tmp_path / "rois.csv")
    np.testing.assert_allclose(load_rois(tmp_path / "rois.csv").circles, CELLS)
    part.dock.quantity.setCurrentIndex(part.dock.quantity.findData("F"))
    export(qtbot, panel, "CSV, one row per frame", tmp_path / "wide")
    with (tmp_path / "wide.csv").open() as file:
        rows = list(csv.reader(file))
    assert len(rows) == 1 + sum(LENGTHS)
    column = np.array([float(row[-1] or "nan") for row in rows[1:]])
    assert column.max() == 800  # F of the last ROI: what the dock shows is what is written


@pytest.mark.thorough
def test_a_film_of_traces_needs_their_alignment(qtbot, panel, part, recordings, tmp_path):
    part.show(as_set(traces_of(recordings[0])))
    part.files.film(tmp_path / "part 1.gif")
    settled(qtbot, panel)
    assert f"Wrote {tmp_path / 'part 1.gif'}" in status(part)
    part.show(as_set(replace(traces_of(recordings[0]), recording="another")))
    part.files.film(tmp_path / "film.mp4")
    assert "no alignment of another" in status(part)
    assert [path.name for path in tmp_path.iterdir()] == ["part 1.gif"]


def test_buttons_need_what_they_write(panel, part, recordings):
    assert not part.tab.buttons["save"].isEnabled()
    assert not part.tab.buttons["export"].isEnabled()
    part.tab.format.setCurrentIndex(part.tab.format.findData("ROIs as CSV"))
    assert part.tab.buttons["export"].isEnabled()
    part.show(as_set(traces_of(recordings[0])))
    QApplication.processEvents()
    assert part.tab.buttons["save"].isEnabled()
