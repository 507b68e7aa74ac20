from __future__ import annotations

import os
import sys
import threading
import time
from functools import partial

import cv2
import pytest
from threadpoolctl import threadpool_info

from napari_zstack_align.errors import Cancelled, InputError
from napari_zstack_align.gui import worker as worker_module
from napari_zstack_align.gui.worker import MAX_REPORTS_PER_S, JobWorker, ends_in_a_moment
from napari_zstack_align.progress import Progress


def counting(n=5, pause=0.0, error=None, seen=None):
    seen = {} if seen is None else seen
    try:
        for i in range(n):
            seen["threads"] = {pool["num_threads"] for pool in threadpool_info()}
            seen["cv2"] = cv2.getNumThreads()
            time.sleep(pause)
            yield Progress("Counting", i + 1, n, partial=i)
            if error is not None and i == 1:
                raise error
        return "done"
    finally:
        seen["closed_in"] = threading.get_ident()
        if sys.platform == "linux":
            seen["nice"] = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.fixture
def launch():
    workers = []

    def start(job):
        worker = JobWorker(job)
        workers.append(worker)
        worker.launch()
        return worker

    yield start
    for worker in workers:
        worker.abandon()


def test_returns_the_result_in_the_main_thread(qtbot):
    worker = JobWorker(partial(counting, 3))
    where = []
    worker.returned.connect(lambda result: where.append((result, threading.get_ident())))
    with qtbot.waitSignal(worker.finished):
        worker.launch()
    qtbot.waitUntil(lambda: bool(where))
    assert where == [("done", threading.get_ident())]
    qtbot.waitUntil(lambda: worker not in worker_module._running)


def test_a_lambda_that_returns_a_job_runs_it(qtbot):
    worker = JobWorker(lambda: counting(3))
    with qtbot.waitSignal(worker.returned) as got:
        worker.launch()
    assert got.args == ["done"]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        pytest.param(InputError("Choose a file."), "Choose a file.", id="own"),
        pytest.param(RuntimeError("odd"), "Unexpected RuntimeError: odd", id="RuntimeError"),
        pytest.param(ValueError("odd"), "Unexpected ValueError: odd", id="unexpected"),
        pytest.param(MemoryError(), "not enough memory", id="memory"),
    ],
)
def test_an_error_becomes_a_sentence_and_the_worker_ends(qtbot, launch, error, sentence, caplog):
    worker = JobWorker(partial(counting, error=error))
    told = []
    worker.failed.connect(told.append)
    with qtbot.waitSignals([worker.failed, worker.finished]):
        worker.launch()
    qtbot.waitUntil(lambda: bool(told))
    assert len(told) == 1
    assert sentence in told[0]
    assert ("Traceback" in caplog.text) == (not isinstance(error, InputError))
    assert worker.partial == 1


def test_an_error_before_the_first_yield_is_told_too(qtbot):
    def refuse():
        raise InputError("No frames.")

    worker = JobWorker(refuse)
    with qtbot.waitSignal(worker.failed) as got:
        worker.launch()
    assert got.args == ["No frames."]


def test_what_is_no_job_fails(qtbot):
    worker = JobWorker(lambda: 3)
    with qtbot.waitSignal(worker.failed) as got:
        worker.launch()
    assert "TypeError" in got.args[0]


def test_cancel_keeps_the_last_partial_and_closes_the_job_in_its_thread(qtbot):
    seen = {}
    worker = JobWorker(partial(counting, 1000, pause=0.02, seen=seen))
    with qtbot.waitSignal(worker.progress):
        worker.launch()
    with qtbot.waitSignal(worker.cancelled) as got:
        worker.cancel()
    assert got.args[0] == worker.partial >= 0
    assert seen["closed_in"] != threading.get_ident()
    qtbot.waitUntil(worker.isFinished)


def test_a_job_that_says_cancelled_itself(qtbot):
    worker = JobWorker(partial(counting, error=Cancelled("kept")))
    with qtbot.waitSignal(worker.cancelled) as got:
        worker.launch()
    assert got.args == ["kept"]


@pytest.mark.slow
def test_reports_are_throttled_and_the_newest_partial_is_not_lost(qtbot, launch):
    worker = JobWorker(partial(counting, 300, pause=0.001))
    reports = []
    worker.progress.connect(reports.append)
    start = time.monotonic()
    with qtbot.waitSignal(worker.returned):
        worker.launch()
    allowed = (time.monotonic() - start) * MAX_REPORTS_PER_S + 2
    assert 2 <= len(reports) <= allowed
    assert worker.partial == 299


def test_one_thread_each_while_running_restored_after_the_last(qtbot):
    before = cv2.getNumThreads()
    blas = {pool["num_threads"] for pool in threadpool_info()}
    first, second = {}, {}
    long = JobWorker(partial(counting, 20, pause=0.01, seen=first))
    short = JobWorker(partial(counting, 3, seen=second))
    with qtbot.waitSignals([long.finished, short.finished]):
        long.launch()
        short.launch()
    qtbot.waitUntil(lambda: not worker_module._running)
    for seen in (first, second):
        assert seen["threads"] == {1}
        assert seen["cv2"] == 1
    assert cv2.getNumThreads() == before
    assert {pool["num_threads"] for pool in threadpool_info()} == blas


@pytest.mark.skipif(sys.platform != "linux", reason="niceness by thread is Linux's")
def test_the_thread_steps_back(qtbot):
    seen = {}
    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    worker = JobWorker(partial(counting, 2, seen=seen))
    with qtbot.waitSignal(worker.finished):
        worker.launch()
    assert seen["nice"] >= 10
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


def test_abandoned_worker_says_nothing_more(qtbot):
    worker = JobWorker(partial(counting, 1000, pause=0.01))
    told = []
    for signal in (worker.returned, worker.failed, worker.cancelled):
        signal.connect(told.append)
    with qtbot.waitSignal(worker.progress):
        worker.launch()
    worker.abandon()
    assert worker.isFinished()
    qtbot.wait(50)
    assert told == []


def test_what_is_found_in_a_moment_is_known_at_once(qtbot, monkeypatch):
    monkeypatch.setattr(worker_module, "A_MOMENT_MS", 60_000)
    worker = JobWorker(partial(counting, 3))
    assert ends_in_a_moment(worker)
    assert worker.found == "done"
    monkeypatch.setattr(worker_module, "A_MOMENT_MS", 20)
    late = JobWorker(partial(counting, 1000, pause=0.01))
    assert not ends_in_a_moment(late)
    assert late.found is None
    late.abandon()
