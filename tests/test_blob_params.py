"""`BlobParams`: defaults by method, and what can't be."""

import re

import pytest

from napari_zstack_align import (
    BlobParams,
    InputError,
    KeypointParams,
    TraceParams,
    ZShiftParams,
)
from napari_zstack_align.cells.responses import sigmas_of

PUBLISHED = {
    "log": (1.2, 2.0, 0.035, 0.1, 0.10, 12),
    "dog": (1.4, 2.0, 0.04, 0.2, 0.05, 12),
    "doh": (0.0, 3.0, 0.002, 0.2, 0.003, 0),
}

NAMES = ("min_sigma", "max_sigma", "threshold", "overlap", "threshold_rel", "exclude_border")


@pytest.mark.parametrize("method", PUBLISHED)
def test_defaults_are_those_of_the_published_workflow(method):
    params = BlobParams(method=method)
    assert tuple(getattr(params, name) for name in NAMES) == PUBLISHED[method]


def test_another_method_has_its_own_defaults():
    params = BlobParams(overlap=0.7).replace(method="doh")
    assert params == BlobParams(method="doh", overlap=0.7)
    assert params.threshold == 0.002


@pytest.mark.parametrize("method", PUBLISHED)
def test_a_file_reads_back_equal(method, tmp_path):
    params = BlobParams(method=method, threshold=0.3)
    params.to_file(tmp_path / "params.json")
    assert BlobParams.from_file(tmp_path / "params.json") == params


def test_what_is_shown_differs_from_the_methods_defaults():
    assert repr(BlobParams(method="doh", threshold=0.002)) == "BlobParams(method='doh')"
    assert repr(BlobParams(method="doh", threshold=0.035)) == (
        "BlobParams(method='doh', threshold=0.035)"
    )


def test_nuclei():
    assert BlobParams.nuclei(overlap=0.1) == BlobParams.nuclei().replace(overlap=0.1)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param({"min_sigma": 5}, r"min_sigma \(5\) must not be above max_sigma", id="order"),
        pytest.param({"min_sigma": 0}, "unless the method is 'doh'", id="zero for log"),
        pytest.param({"method": "hog"}, "method should be 'log', 'dog' or 'doh'", id="method"),
        pytest.param({"overlap": 1.5}, "overlap should be less than or equal to 1", id="overlap"),
        pytest.param({"sigma_ratio": 1}, "sigma_ratio should be greater than 1", id="ratio"),
        pytest.param({"threshold": -1}, "threshold should be", id="negative"),
        pytest.param({"max_sigma": float("nan")}, "finite number", id="NaN"),
        pytest.param({"num_sigma": 0}, "num_sigma should be", id="no scales"),
        pytest.param({"min_sigma": 1e-300}, "min_sigma .* must be at least 0.1 px", id="tiny"),
        pytest.param(
            {"method": "doh", "max_sigma": 0.01}, "max_sigma .* must be at least 0.1", id="tiny max"
        ),
        *(
            pytest.param(
                {"method": "dog", "sigma_ratio": 1 + more, **sizes},
                "makes more than 100 scales",
                id=f"scales {more} {sizes}",
            )
            for more in (1e-12, 1e-5, 1e-3)
            for sizes in ({}, {"max_sigma": 500})
        ),
    ],
)
def test_bad_values_are_one_sentence(values, said):
    with pytest.raises(InputError, match=said) as caught:
        BlobParams(**values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        (
            {"min_sigma": 4},
            r"max_sigma \(2\): raise `max_sigma`, which is at",
        ),
        ({"max_sigma": 1}, r"lower `min_sigma`, which is at its default"),
        ({"min_sigma": 4, "max_sigma": 3}, "swap them"),
    ],
)
def test_the_bound_that_was_not_given_is_the_one_to_change(given, advice):
    with pytest.raises(InputError, match=advice):
        BlobParams(**given)


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ({"fine_px": 50}, r"fine_px \(50\): raise `coarse_px`,"),
        ({"coarse_px": 0.7}, r"lower `fine_px`,"),
    ],
)
def test_bounds_of_zshift_that_cross(given, advice):
    with pytest.raises(InputError, match=advice):
        ZShiftParams(**given)


@pytest.mark.parametrize("sizes", [{}, {"min_sigma": 0.1, "max_sigma": 500}])
def test_the_ratio_that_is_advised_makes_few_enough_scales(sizes):
    with pytest.raises(InputError) as caught:
        BlobParams(method="dog", sigma_ratio=1 + 1e-15, **(sizes or {"max_sigma": 1.5}))
    advised = float(re.search(r"raise it to ([\d.]+)", str(caught.value))[1])
    params = BlobParams(method="dog", sigma_ratio=advised, **(sizes or {"max_sigma": 1.5}))
    assert len(sigmas_of(params)) <= 100


@pytest.mark.parametrize(
    "make",
    [
        lambda: KeypointParams(intensity_range=(0, 1e308)),
        lambda: KeypointParams(intensity_range=(-1e308, 1e308)),
        lambda: KeypointParams(intensity_range=(0, 1e-300)),
        lambda: TraceParams(dark_level=(100.0, 1e308)),
        lambda: TraceParams(dark_level=(-1e31,)),
    ],
)
def test_numbers_beyond_those_of_pixels_are_one_sentence(make):
    with pytest.raises(InputError, match="must lie between -1e\\+30 and 1e\\+30"):
        make()
