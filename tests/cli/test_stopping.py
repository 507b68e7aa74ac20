"""When a signal stops a command: at safe moments, and at once the second time."""

import signal

import pytest

from napari_zstack_align.cli.stopping import (
    at_safe_moments,
    stop_if_asked,
    stoppable,
    stopped_by_the_system,
)

BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@BOTH
def test_a_signal_waits_for_a_safe_moment(number):
    with stoppable():
        with at_safe_moments():
            try:
                signal.raise_signal(number)
            except KeyboardInterrupt:
                pytest.fail("it was raised at once")
            with pytest.raises(KeyboardInterrupt):
                stop_if_asked()
        stop_if_asked()  # it was acted on


@BOTH
def test_elsewhere_it_stops_at_once(number):
    with stoppable(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)


def test_the_second_one_stops_at_once():
    with stoppable(), at_safe_moments():
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)


def test_a_window_is_closed_by_the_system():
    with stoppable(), stopped_by_the_system():
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
