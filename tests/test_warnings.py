"""The rule in pyproject.toml that makes a warning raised in our own modules an error."""

import warnings

import pytest

MESSAGE = "something is about to go"


def warn_in(module):
    """Warn where ``module`` is the name of the module that the warning points at."""
    code = f"import warnings; warnings.warn({MESSAGE!r}, DeprecationWarning)"
    exec(code, {"__name__": module})


@pytest.mark.parametrize("module", ["napari_zstack_align", "napari_zstack_align.read.tiff"])
def test_ours_is_an_error(module):
    with pytest.raises(DeprecationWarning, match=MESSAGE):
        warn_in(module)


@pytest.mark.parametrize("module", ["numpy", "napari_zstack_align_extra", "my.napari_zstack_align"])
def test_that_of_others_is_not(module):
    with warnings.catch_warnings(record=True) as caught:
        warn_in(module)
    assert [str(w.message) for w in caught] == [MESSAGE]
