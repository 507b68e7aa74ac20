"""Form, command line and docs page state the same bounds, default and unit of every parameter."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from napari_zstack_align.cli.flags import PREFIX, add_model_flags
from napari_zstack_align.fields import fields_of
from napari_zstack_align.gui.cells.blob_controls import BlobControls
from napari_zstack_align.gui.form import ParamsForm
from napari_zstack_align.params import MODELS, BlobParams
from napari_zstack_align.params._blobs import METHODS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "parameters.md"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_form_help_and_page_state_the_same(qtbot, model):
    form = ParamsForm(model)
    qtbot.addWidget(form)
    tips = {name: field.native.toolTip() for name, field in form.fields.items()}
    helps, rows = flag_helps(model), page_rows(model)
    assert set(tips) == set(helps) == set(rows) == set(model.model_fields)
    for field in fields_of(model):
        default, allowed = (cell.replace("`", "") for cell in rows[field.name])
        assert field.unit in allowed + default
        assert f"Default: {default}.</qt>" in tips[field.name]
        assert f"[default {field.default_in_words(' ')}" in helps[field.name]
        assert ("Allowed:" in tips[field.name]) == bool(allowed)
        if allowed:
            assert f"Allowed: {allowed}. Default" in tips[field.name]
        if allowed and not field.choices:
            assert helps[field.name].endswith(f"; {allowed}]")


@pytest.mark.parametrize("method", METHODS)
def test_sliders_state_the_same(qtbot, method):
    controls = BlobControls(method)
    qtbot.addWidget(controls)
    for field in fields_of(BlobParams, method=method):
        if field.name in controls.rows:
            tip = controls.rows[field.name].slider.toolTip()
            assert f"Allowed: {field.allowed}. Default: {field.default_in_words()}." in tip
            assert field.default == getattr(BlobParams(method=method), field.name)


def flag_helps(model):
    """Help text of each flag, by the name of its parameter."""
    parser = argparse.ArgumentParser()
    add_model_flags(parser, model)
    return {
        action.dest.removeprefix(PREFIX): action.help.replace("%%", "%")
        for action in parser._actions
        if action.dest.startswith(PREFIX)
    }


def page_rows(model):
    """Default and allowed values in the table of the docs page, by name."""
    section = PAGE.read_text(encoding="utf-8").split(f"## {model.__name__}\n")[1].split("\n## ")[0]
    cells = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return {row[0].strip("|` "): (row[1], row[2].strip()) for row in cells}
