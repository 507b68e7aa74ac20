"""Recordings of one name in several folders: the panel says whose result it would replace."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from driving import click, settled, status
from stacks import small_zstack
from unfinished import files_in

import napari_zstack_align as nza
from napari_zstack_align.gui import file_dialogs
from napari_zstack_align.gui.file_dialogs import ask_where_to_save
from napari_zstack_align.saved import Kind


@pytest.fixture
def asked(monkeypatch, tmp_path) -> list[str]:
    """Questions that were asked about results/run.zalign; the answer is no unless ``yes`` is in."""
    questions: list[str] = []

    def question(_parent, _title, text, *, yes, no):
        said_yes = "yes" in questions
        questions.append(text)
        return said_yes

    monkeypatch.setattr(file_dialogs, "confirmed", question)
    monkeypatch.setattr(file_dialogs, "choose_name", lambda *_: (str(tmp_path / "run.zalign"), ""))
    return questions


def of(alignment: nza.Alignment, raw: Path, *, done: bool, lighter: int) -> nza.Alignment:
    """The same of other frames in another file, perhaps with a frame that wasn't run."""
    pixels = alignment.stack.read(0, alignment.stack.n_frames) + lighter
    source = nza.Stack.from_array(pixels, "TCYX").source
    quality = alignment.quality.copy()
    if not done:
        quality["flag"][-1] = "not run"
    stack = alignment.stack.replace(source=source, paths=(raw,), name=raw.stem)
    return replace(alignment, stack=stack, quality=quality, provenance={})


RAWS = [Path(f"/data/mouse{k}/TSeries-001.tif") for k in (1, 2)]


def test_the_question_says_whose_result_is_there(qapp, recording, asked, tmp_path):
    path = of(recording, RAWS[0], done=False, lighter=0).save(tmp_path / "run")
    assert ask_where_to_save(None, "Save", "run", Kind.ALIGNMENT) is None
    assert asked == [
        f"{path} holds the unfinished alignment of TSeries-001 (from {RAWS[0]}). Replace it?"
    ]


def test_the_panel_replaces_nothing_that_nobody_was_asked_about(qtbot, panel, asked, tmp_path):
    made = nza.run(nza.align_adaptive(small_zstack()))
    path = of(made, RAWS[0], done=True, lighter=0).save(tmp_path / "run")
    beside = of(made, RAWS[0], done=False, lighter=0).save(path)
    assert beside == tmp_path / "run-partial.zalign"
    before = files_in(tmp_path)
    panel.zstack.result.show(of(made, RAWS[1], done=False, lighter=1))
    settled(qtbot, panel)
    save = panel.zstack.align_tab.buttons["save"]
    click(qtbot, save)
    assert files_in(tmp_path) == before
    asked.append("yes")
    click(qtbot, save)
    settled(qtbot, panel)
    assert {
        name: content for name, content in files_in(tmp_path).items() if name in before
    } == before
    assert "run-partial-2.zalign" in status(panel)
    assert nza.load_alignment(tmp_path / "run-partial-2.zalign").stack.name == "TSeries-001"
