"""Of many questions only the newest is answered, and no answer comes after it was forgotten."""

from __future__ import annotations

import time

import pytest
from qtpy.QtCore import QObject

from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.newest import Newest
from napari_zstack_align.progress import Progress


def job(name, seconds=0.0, partial=None):
    yield Progress("thinking", 0, 2, partial=partial)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.01)
        yield Progress("thinking", 1, 2)
    return name


@pytest.fixture
def newest(qapp):
    owner = QObject()
    newest = Newest(owner)
    newest.answers = []
    newest.answered.connect(newest.answers.append)
    newest.partial_answer.connect(newest.answers.append)
    yield newest
    newest.abandon()


def done(qtbot, newest):
    qtbot.waitUntil(lambda: not newest.busy)
    return newest.answers


def test_of_those_that_wait_only_the_newest_is_asked(qtbot, newest):
    for name in "abcd":
        newest.ask(lambda name=name: job(name, 0.1))
    assert done(qtbot, newest) == ["a", "d"]


def test_a_long_one_is_stopped_in_favour_of_a_newer_one(qtbot, newest):
    newest.ask(lambda: job("long", 30))
    newest.ask(lambda: job("short"))
    assert done(qtbot, newest) == ["short"]


def test_its_first_part_is_shown_all_the_same(qtbot, newest):
    newest.ask(lambda: job("long", 30, partial="part"))
    qtbot.waitUntil(lambda: newest.answers == ["part"])
    newest.ask(lambda: job("short"))
    assert done(qtbot, newest) == ["part", "short"]


def test_forgotten_questions_are_not_answered(qtbot, newest):
    newest.ask(lambda: job("a", 0.1))
    newest.ask(lambda: job("b"))
    newest.forget()
    newest.ask(lambda: job("c"))
    assert done(qtbot, newest) == ["c"]


def test_what_went_wrong_is_told_and_the_next_question_answered(qtbot, newest):
    def failing():
        yield Progress("thinking", 0, 1)
        raise InputError("It can't be.")

    told = []
    newest.failed.connect(told.append)
    newest.ask(failing)
    done(qtbot, newest)
    assert told == ["It can't be."]
    newest.ask(lambda: job("a"))
    assert done(qtbot, newest) == ["a"]
