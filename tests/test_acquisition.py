"""Which raw frame each frame is, and when it was recorded."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from napari_zstack_align.acquisition import Acquisition, seconds_between, session_start

START = datetime(2024, 2, 28, 23, 59, 59, 500_000)


def test_dates_go_over_midnight_with_microseconds():
    raw = Acquisition.of(3, times_s=np.array([0.0, 0.25, 86400.500001]), started_at=START)
    assert raw.recorded_at.tolist() == [
        "2024-02-28T23:59:59.500000",
        "2024-02-28T23:59:59.750000",
        "2024-03-01T00:00:00.000001",
    ]


@pytest.mark.parametrize("time", [np.nan, np.inf, -np.inf, 1e300])
def test_a_time_that_is_no_time_has_no_date(time):
    raw = Acquisition.of(2, times_s=np.array([0.0, time]), started_at=START)
    assert raw.recorded_at.tolist() == [START.isoformat(), ""]


def test_a_time_zone_stays():
    raw = Acquisition.of(1, times_s=np.zeros(1), started_at=START.replace(tzinfo=UTC))
    assert raw.recorded_at.tolist() == ["2024-02-28T23:59:59.500000+00:00"]


def test_without_start_or_times_there_are_no_dates():
    assert Acquisition.of(2, times_s=np.zeros(2)).recorded_at.tolist() == ["", ""]
    assert Acquisition.of(2, started_at=START).recorded_at.tolist() == ["", ""]


def test_columns_stand_before_the_flag_and_none_twice():
    table = np.zeros(2, [("frame", int), ("time_s", float), ("used", bool), ("flag", "U8")])
    table["time_s"] = 7
    wide = Acquisition.of(2, np.array([3, 5]), np.zeros(2), START).beside(table)
    names = ("frame", "time_s", "used", "raw_frame", "recorded_at", "flag")
    assert wide.dtype.names == names
    assert wide["raw_frame"].tolist() == [3, 5]
    assert wide["time_s"].tolist() == [7, 7]


def test_time_since_a_session_began():
    later = Acquisition.of(2, times_s=np.array([0.0, 1.0]), started_at=START + timedelta(minutes=2))
    assert later.since(START).tolist() == [120.0, 121.0]
    assert np.isnan(later.since(None)).all()


def test_the_session_begins_with_the_earliest_recording():
    starts = [START + timedelta(hours=1), START, START + timedelta(hours=2)]
    assert session_start(starts) == START
    assert session_start([START, None]) is None
    assert session_start([]) is None


def test_clocks_of_which_one_has_a_zone_are_taken_for_one():
    assert seconds_between(START, (START + timedelta(seconds=5)).replace(tzinfo=UTC)) == 5


def test_words_name_a_raw_frame_where_it_is_another():
    raw = Acquisition.of(3, np.array([0, 2, 3]))
    assert (raw.words(0), raw.words(2)) == ("frame 0", "frame 2 (raw frame 3)")
