"""Jobs: drained, reported, cancelled."""

import warnings
from dataclasses import replace
from threading import Event
from types import SimpleNamespace

import pytest

from napari_zstack_align.errors import Cancelled, ResultWarning
from napari_zstack_align.progress import (
    Progress,
    collected,
    mapped,
    run,
    unless_stopped,
    with_partial,
)
from napari_zstack_align.remark import as_notes, as_serious, as_warnings


class Job:
    """A job of three steps that remembers whether it was cleaned up."""

    def __init__(self, stop=None, at=2):
        self.closed = False
        self.stop, self.at = stop, at

    def steps(self):
        try:
            for done in range(3):
                if self.stop is not None and done == self.at:
                    raise self.stop
                yield Progress("Counting", done + 1, 3, partial=f"{done + 1} done")
            return "all"
        finally:
            self.closed = True


def test_the_result_and_every_step():
    seen = []
    assert run(Job().steps(), seen.append) == "all"
    assert [(p.stage, p.done, p.total) for p in seen] == [("Counting", n, 3) for n in (1, 2, 3)]


def test_without_a_listener():
    assert run(Job().steps()) == "all"


def test_jobs_in_jobs():
    def outer():
        return (yield from Job().steps()), (yield from Job().steps())

    seen = []
    assert run(outer(), seen.append) == ("all", "all")
    assert len(seen) == 6


@pytest.mark.parametrize("at", [0, 2])
def test_ctrl_c_keeps_what_is_finished(at):
    job = Job(KeyboardInterrupt(), at)
    said = "; what was finished is kept" if at else ": nothing was finished yet"
    with pytest.raises(Cancelled, match=f"^Cancelled{said}") as caught:
        run(job.steps())
    assert caught.value.partial == (f"{at} done" if at else None)
    assert job.closed


def test_ctrl_c_in_the_listener():
    def listener(progress):
        if progress.done == 2:
            raise KeyboardInterrupt

    job = Job()
    with pytest.raises(Cancelled) as caught:
        run(job.steps(), listener)
    assert caught.value.partial == "2 done"
    assert job.closed


@pytest.mark.parametrize("error", [RuntimeError("broken"), ValueError("bad")])
def test_errors_pass_through(error):
    job = Job(error)
    with pytest.raises(type(error), match=str(error)):
        run(job.steps())
    assert job.closed


def test_an_error_in_the_listener_closes_the_job():
    job = Job()

    def listener(progress):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(job.steps(), listener)
    assert job.closed


def test_a_listener_without_partial_keeps_the_last_snapshot():
    def steps():
        yield Progress("Counting", 1, 2, partial="first")
        yield Progress("Counting", 2, 2)
        raise KeyboardInterrupt

    with pytest.raises(Cancelled) as caught:
        run(steps())
    assert caught.value.partial == "first"


def louder(progress):
    return replace(progress, stage=progress.stage.upper())


def test_a_mapped_job_reports_in_other_words_and_returns_the_same():
    seen = []
    assert run(mapped(Job().steps(), louder), seen.append) == "all"
    assert [(p.stage, p.done, p.partial) for p in seen] == [
        ("COUNTING", n, f"{n} done") for n in (1, 2, 3)
    ]


def test_any_generator_can_be_mapped():
    def work():
        yield
        return 5

    seen = []
    assert run(mapped(work(), lambda _: Progress("Working", 0, 0)), seen.append) == 5
    assert seen == [Progress("Working", 0, 0)]


def test_snapshots_are_changed_and_nothing_else():
    def steps():
        yield Progress("Counting", 1, 2, partial=1)
        yield Progress("Counting", 2, 2)

    seen = []
    run(with_partial(steps(), lambda number: [0, number]), seen.append)
    assert seen == [Progress("Counting", 1, 2, partial=[0, 1]), Progress("Counting", 2, 2)]


def test_closing_a_mapped_job_closes_what_it_runs():
    job = Job()
    outer = mapped(job.steps(), louder)
    next(outer)
    outer.close()
    assert job.closed


@pytest.mark.parametrize("error", [RuntimeError("broken"), ValueError("bad")])
def test_errors_pass_through_a_mapped_job(error):
    job = Job(error)
    with pytest.raises(type(error), match=str(error)):
        run(mapped(job.steps(), louder))
    assert job.closed


def test_an_error_in_the_mapping_closes_the_job():
    job = Job()
    with pytest.raises(ZeroDivisionError):
        run(mapped(job.steps(), lambda progress: 1 / 0))
    assert job.closed


def test_ctrl_c_in_a_mapped_job_keeps_its_changed_snapshot():
    job = Job(KeyboardInterrupt())
    with pytest.raises(Cancelled) as caught:
        run(with_partial(job.steps(), lambda text: ["before", text]))
    assert caught.value.partial == ["before", "2 done"]


def result_with(*remarks):
    return SimpleNamespace(remarks=remarks)


def doing(result):
    yield Progress("Counting", 1, 1)
    return result


WRONG = result_with(*as_serious("It is wrong."), *as_warnings("Odd."), *as_notes("As usual."))


@pytest.mark.parametrize("result", [WRONG, [result_with(), WRONG]])
def test_a_result_that_is_probably_wrong_warns_where_it_was_asked_for(result):
    with pytest.warns(ResultWarning, match="It is wrong") as found:
        assert run(doing(result)) is result
    assert [str(each.message) for each in found] == ["It is wrong."]
    assert found[0].filename == __file__


def test_those_who_show_remarks_themselves_are_not_warned():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert collected(doing(WRONG)) is WRONG
        assert run(doing(result_with(*as_warnings("Odd.")))).remarks == ("Odd.",)


def test_a_job_in_a_thread_returns_its_result_unless_it_is_stopped():
    job, stopped = Job(), Event()
    assert unless_stopped(job.steps(), stopped) == run(Job().steps())
    assert job.closed
    job = Job()
    stopped.set()
    with pytest.raises(Cancelled):
        unless_stopped(job.steps(), stopped)
    assert job.closed
