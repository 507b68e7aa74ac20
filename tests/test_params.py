"""Parameter models: frozen, checked, saved and read back."""

import json

import numpy as np
import pytest
from pydantic import ValidationError

from napari_zstack_align.errors import InputError
from napari_zstack_align.params import (
    AdaptiveParams,
    BlobParams,
    KeypointParams,
    NwbParams,
    TraceParams,
    ZShiftParams,
)

MODELS = [AdaptiveParams, KeypointParams, ZShiftParams]


@pytest.mark.parametrize("model", MODELS)
def test_a_saved_file_reads_back_equal(model, tmp_path):
    model().to_file(tmp_path / "params.json")
    assert model.from_file(tmp_path / "params.json") == model()


def test_changed_values_read_back(tmp_path):
    params = AdaptiveParams(alpha=3.0, channel_weights=(0.25, 1.0))
    params.to_file(tmp_path / "params.json")
    assert AdaptiveParams.from_file(tmp_path / "params.json") == params


def test_a_file_may_name_some(tmp_path):
    (tmp_path / "params.json").write_text('{"alpha": 3}')
    assert AdaptiveParams.from_file(tmp_path / "params.json") == AdaptiveParams(alpha=3.0)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param({"alhpa": 1.0}, "'alhpa' is not a parameter .*alpha", id="a typo"),
        pytest.param({"alpha": 0.001}, "alpha should be greater than or equal to 0.01", id="low"),
        pytest.param({"alpha": "wide"}, "alpha should be a number, but is 'wide'", id="words"),
        pytest.param({"alpha": float("nan")}, "alpha should be a finite number", id="NaN"),
        pytest.param(
            {"grid_spacing_px": 20.5},
            "grid_spacing_px should be a whole number, but is 20.5",
            id="a fraction",
        ),
        pytest.param(
            {"strategy": "best"}, "strategy should be 'two_stage' or 'direct'", id="choice"
        ),
        pytest.param({"channel_weights": (0.0, 0.0)}, "at least one above 0", id="no weight"),
        pytest.param({"channel_weights": (-1.0, 2.0)}, "or equal to 0", id="negative weight"),
        pytest.param({"alpha": 0, "channel": -1}, "channel.*; alpha", id="two at once"),
    ],
)
def test_bad_values_are_one_sentence(values, said):
    with pytest.raises(InputError, match=said) as caught:
        AdaptiveParams(**values)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_defaults_that_wait_for_a_wrong_value_are_not_told():
    with pytest.raises(InputError) as caught:
        BlobParams(method="best")
    said = "BlobParams: method should be 'log', 'dog' or 'doh', but is 'best'."
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(None, "There is no parameter file", id="missing"),
        pytest.param("{", "can't be read as a JSON", id="broken"),
        pytest.param("[1]", "must hold a JSON object", id="no object"),
        pytest.param("\xff", "can't be read as a JSON", id="no text"),
        pytest.param(json.dumps({"alpha": -1}), "alpha should be", id="bad value"),
    ],
)
def test_bad_files_are_one_sentence(content, said, tmp_path):
    path = tmp_path / "params.json"
    if content is not None:
        path.write_text(content, encoding="latin-1")
    with pytest.raises(InputError, match=said):
        AdaptiveParams.from_file(path)


def test_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        AdaptiveParams().alpha = 2.0


def test_replace_checks():
    assert AdaptiveParams().replace(alpha=2.0) == AdaptiveParams(alpha=2.0)
    with pytest.raises(InputError, match="alpha"):
        AdaptiveParams().replace(alpha=-2.0)


def test_repr_shows_what_was_changed():
    assert repr(AdaptiveParams()) == "AdaptiveParams()"
    assert repr(AdaptiveParams(alpha=2)) == "AdaptiveParams(alpha=2.0)"


@pytest.mark.parametrize(
    ("model", "values", "name"),
    [
        (AdaptiveParams, {"alpha": True}, "alpha"),
        (AdaptiveParams, {"channel": False}, "channel"),
        (AdaptiveParams, {"channel_weights": [1, True]}, "channel_weights"),
        (BlobParams, {"num_sigma": True}, "num_sigma"),
        (TraceParams, {"dark_frames": [True, 5]}, "dark_frames"),
        (TraceParams, {"dark_level": [False]}, "dark_level"),
        (KeypointParams, {"chunk_frames": True}, "chunk_frames"),
    ],
)
def test_true_is_no_number(model, values, name, tmp_path):
    path = tmp_path / "params.json"
    path.write_text(json.dumps(values))
    for make in (lambda: model(**values), lambda: model.from_file(path)):
        with pytest.raises(InputError, match=rf"^{model.__name__}: {name} should be "):
            make()


def test_what_may_be_true_may_be():
    assert not AdaptiveParams(find_artefacts=False).find_artefacts
    assert TraceParams(accept_estimate=True).accept_estimate


@pytest.mark.parametrize("second", ["2.5", "1.5"])
def test_a_name_that_is_given_twice(second, tmp_path):
    path = tmp_path / "params.json"
    path.write_text(f'{{"alpha": 1.5, "channel": 0, "alpha": {second}}}')
    with pytest.raises(InputError, match=r"params\.json gives 'alpha' more than once: leave one"):
        AdaptiveParams.from_file(path)


@pytest.mark.parametrize(
    ("model", "values", "said"),
    [
        (TraceParams, {"dark_level": "dark"}, "dark_level should be a number, or a list of them"),
        (TraceParams, {"dark_level": ["x"]}, "dark_level should be a number, or a list of them"),
        (TraceParams, {"dark_level": {1: 2}}, "dark_level should be a number, or a list of them"),
        (TraceParams, {"dark_frames": 3}, "dark_frames should be two whole numbers, but is 3"),
        (TraceParams, {"dark_frames": (1,)}, "dark_frames should be two whole numbers, but has"),
        (TraceParams, {"dark_frames": (1, 2, 3)}, "dark_frames should be two whole numbers, but"),
        (TraceParams, {"accept_estimate": "so"}, "accept_estimate should be true or false, but is"),
        (AdaptiveParams, {"start_slice": 1.5}, "start_slice should be a whole number, but is 1.5"),
        (AdaptiveParams, {"between_slices": "x"}, "a number, or 'auto' or 'follow' or 'stiff' or"),
        (KeypointParams, {"intensity_range": 4}, "intensity_range should be two numbers, but is 4"),
        (NwbParams, {"device": 3}, "device should be a text, but is 3"),
    ],
)
def test_errors_speak_of_what_is_wanted(model, values, said):
    with pytest.raises(InputError, match=said):
        model(**values)


@pytest.mark.parametrize(
    "level", [20, 20.5, np.float32(20), np.array([20.0, 30.0]), [20, 30], (1,)]
)
def test_one_number_counts_for_all_channels(level):
    params = TraceParams(dark_level=level)
    assert params.dark_level == tuple(float(each) for each in np.ravel(level))
