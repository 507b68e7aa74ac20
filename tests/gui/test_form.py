from __future__ import annotations

from contextlib import suppress
from typing import Literal

import pytest
from pydantic import Field
from qtpy.QtWidgets import QLabel

from napari_zstack_align.errors import InputError
from napari_zstack_align.fields import fields_of
from napari_zstack_align.gui.form import ParamsForm
from napari_zstack_align.gui.param_widgets import spin_range
from napari_zstack_align.params import MODELS, AdaptiveParams, Params, TraceParams


class AllKinds(Params):
    """Every kind of field that a model may have."""

    flag: bool = Field(True, description="A tick.")
    choice: Literal["slow", "fast"] = Field("fast", description="One of two.")
    count: int = Field(3, ge=1, description="No upper bound.")
    size_um: float = Field(0.25, gt=0, lt=10, description="Size.", json_schema_extra={"unit": "µm"})
    small: float = Field(1e-5, ge=0, description="Many decimals.")
    large: float = Field(12345.5, description="No bounds.")
    limit: float | None = Field(None, ge=0, description="May be none.")
    set_limit: int | None = Field(7, description="May be none, but isn't.")
    weights: tuple[float, ...] = Field((1.0, 0.1), description="Any number.")
    pair: tuple[int, int] = Field((4, 5), description="Two.")
    words: tuple[str, ...] = Field((), description="Words.")
    name: str = Field("cell", description="A word.")


FORMS = [AllKinds, *MODELS]


@pytest.fixture
def form(qtbot, request):
    form = ParamsForm(request.param)
    qtbot.addWidget(form)
    return form


def extremes(model):
    """Defaults with one field at a time at each of its bounds, where the others allow it."""
    for field in fields_of(model):
        for value in spin_range(field):
            if value is not None:
                with suppress(InputError):
                    yield model().replace(**{field.name: value})


@pytest.mark.parametrize("form", FORMS, ids=lambda m: m.__name__, indirect=True)
def test_defaults_and_bounds_come_back_as_they_were(form):
    model = form._model
    assert form.values() == model()
    for params in extremes(model):
        form.set_values(params)
        assert form.values() == params
    form.reset()
    assert form.values() == model()


@pytest.mark.parametrize("form", [AllKinds], indirect=True)
def test_every_kind_comes_back(form):
    params = AllKinds(
        flag=False,
        choice="slow",
        count=10**6,
        size_um=0.123456,
        small=3e-8,
        limit=0.0,
        set_limit=None,
        weights=(),
        pair=(-1, 2),
        words=("red", "green"),
        name="glia",
    )
    form.set_values(params)
    assert form.values() == params


@pytest.mark.parametrize("form", [AllKinds], indirect=True)
def test_no_numbers_in_a_tuple_is_told_in_a_sentence(form):
    form.fields["weights"].widget.value = "1, two"
    with pytest.raises(InputError, match=r"'two' is not a number"):
        form.values()


@pytest.mark.parametrize("form", [AllKinds], indirect=True)
def test_a_comma_that_may_be_a_decimal_point_is_refused(form):
    form.fields["weights"].widget.value = "0,5"
    with pytest.raises(InputError, match=r"write 0\.5 or 0\.0,5\.0\.$"):
        form.values()
    form.fields["weights"].widget.value = "1, 5"
    assert form.values().weights == (1, 5)


@pytest.mark.parametrize("form", [AllKinds], indirect=True)
def test_a_change_is_told(form, qtbot):
    with qtbot.waitSignal(form.changed):
        form.fields["count"].widget.value = 5
    with qtbot.waitSignal(form.changed):
        form.fields["limit"].set(2.0)


@pytest.mark.parametrize("form", FORMS, ids=lambda m: m.__name__, indirect=True)
def test_every_control_and_label_has_its_help(form):
    for name, field in form.fields.items():
        for native in field.natives:
            assert form._model.model_fields[name].description in native.toolTip()
    assert all(label.toolTip() for label in form.findChildren(QLabel) if label.text())


def test_label_and_tooltip(qtbot):
    form = ParamsForm(AdaptiveParams)
    qtbot.addWidget(form)
    native = form.fields["grid_spacing_px"].native
    assert "Allowed: 16 to 256 px. Default: 48 px." in native.toolTip()
    assert "Grid spacing (px)" in [label.text() for label in form.findChildren(QLabel)]


def test_seldom_used_fields_hide_under_more(qtbot):
    form = ParamsForm(AdaptiveParams, first=("alpha", "channel"))
    qtbot.addWidget(form)
    form.show()
    assert form.fields["alpha"].native.isVisible()
    assert not form.fields["outlier_mad"].native.isVisible()
    form.more_button.click()
    assert form.fields["outlier_mad"].native.isVisible()


def test_a_number_above_zero_has_a_step_of_its_size(qtbot):
    form = ParamsForm(TraceParams)
    qtbot.addWidget(form)
    width = form.fields["neuropil_width_um"].native
    assert width.text() in ("10", "10.0", "10.00")
    width.stepUp()
    assert form.values().neuropil_width_um == 11.0


FIRST = ("alpha", "channel")


@pytest.fixture
def short_form(qtbot):
    form = ParamsForm(AdaptiveParams, first=FIRST)
    qtbot.addWidget(form)
    return form


def test_seldom_used_fields_are_made_when_they_are_needed(short_form):
    assert set(short_form.fields.made) == set(FIRST)
    assert short_form.values() == AdaptiveParams()
    short_form.set_values(AdaptiveParams(alpha=2.5, outlier_mad=9.0))
    assert set(short_form.fields.made) == {*FIRST, "outlier_mad"}
    short_form.more_button.click()
    assert set(short_form.fields.made) == set(AdaptiveParams.model_fields)
    assert short_form.values() == AdaptiveParams(alpha=2.5, outlier_mad=9.0)
    short_form.reset()
    assert short_form.values() == AdaptiveParams()


def test_more_that_is_opened_again_shows_each_field_once(short_form):
    for _ in range(3):
        short_form.more_button.click()
    titles = [label.text() for label in short_form.findChildren(QLabel) if label.text()]
    assert len(titles) == len(set(titles)) == len(AdaptiveParams.model_fields)


def test_a_field_that_is_none_of_the_model_is_refused(short_form):
    with pytest.raises(KeyError):
        short_form.fields["sigma"]


@pytest.mark.parametrize(
    ("typed", "value"), [("auto", "auto"), ("Follow", 1.0), ("stiff", 0.0), ("0.25", 0.25)]
)
def test_a_word_may_stand_for_a_number(qtbot, typed, value):
    form = ParamsForm(AdaptiveParams)
    qtbot.addWidget(form)
    form.fields["between_slices"].native.setCurrentText(typed)
    assert form.values().between_slices == value
    form.fields["between_slices"].native.setCurrentText("half")
    with pytest.raises(InputError, match="'half' is no number and none of 'auto', 'follow'"):
        form.values()
