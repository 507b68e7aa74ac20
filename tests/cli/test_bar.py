"""The bar follows the job and says what it notes."""

import pytest

from napari_zstack_align.cli.bar import drain
from napari_zstack_align.errors import Cancelled
from napari_zstack_align.progress import Progress
from napari_zstack_align.remark import Remark


def test_stages_notes_and_result(capsys):
    def job():
        for stage, total in (("First", 3), ("Second", 2)):
            for done in range(total):
                yield Progress(stage, done + 1, total, note=f"{stage} note" if not done else "")
        return "made"

    assert drain(job()) == "made"
    out, err = capsys.readouterr()
    assert out == ""
    assert "Note: First note.\n" in err
    assert "Second: 100%" in err
    assert "2/2" in err


def test_unknown_total(capsys):
    def job():
        yield Progress("Looking", 5, 0)

    drain(job())
    assert "Looking: 5it" in capsys.readouterr().err


def test_cancelled():
    def job():
        yield Progress("Working", 1, 2, partial="half")
        raise KeyboardInterrupt

    with pytest.raises(Cancelled) as caught:
        drain(job())
    assert caught.value.partial == "half"


def test_notes_of_what_was_written_are_labelled_below_the_bar_each_once(capsys):
    def job():
        yield Progress("Writing", 1, 1, note="fs is 1. Give `frame_times_s`")
        yield Progress("Writing more", 1, 1, note="fs is 1. Give `frame_times_s`")

    drain(job())
    err = capsys.readouterr().err
    assert err.endswith("\n  Note: fs is 1. Give --frame-rate.\n")
    assert err.count("fs is 1") == 1


def test_a_remark_keeps_its_severity(capsys):
    def job():
        yield Progress("Aligning", 0, 9, note=Remark("The layout looks wrong"))

    drain(job())
    assert "Warning: The layout looks wrong." in capsys.readouterr().err
