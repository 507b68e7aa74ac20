"""Traces and ROIs to be written."""

from pathlib import Path

import pytest


@pytest.fixture
def rois(three_rois):
    return three_rois


@pytest.fixture
def traces(make_traces):
    return make_traces()


@pytest.fixture
def no_leftovers(tmp_path):
    """Say what stands in the folder, hidden files too."""

    def names():
        return sorted(path.name for path in Path(tmp_path).iterdir())

    return names
