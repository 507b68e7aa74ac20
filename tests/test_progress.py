"""Jobs: drained, reported, cancelled."""

import pytest

from napari_zstack_align.errors import Cancelled
from napari_zstack_align.progress import Progress, run


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
    with pytest.raises(Cancelled, match="what was finished is kept") as caught:
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
