"""The bar follows the job and says what it notes."""

import pytest

from napari_zstack_align.cli.bar import drain
from napari_zstack_align.errors import Cancelled
from napari_zstack_align.progress import Progress


def test_stages_notes_and_result(capsys):
    def job():
        for stage, total in (("First", 3), ("Second", 2)):
            for done in range(total):
                yield Progress(stage, done + 1, total, note=f"{stage} note" if not done else "")
        return "made"

    assert drain(job()) == "made"
    out, err = capsys.readouterr()
    assert out == ""
    assert "First note\n" in err
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
