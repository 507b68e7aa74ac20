from __future__ import annotations

from napari_zstack_align.gui.remarks import by_remark, marked, remark_lines
from napari_zstack_align.remark import as_notes, as_warnings

RECORDINGS = [
    ("part 1", as_notes("Still tissue.") + as_warnings("The pixel size is unknown.", "First.")),
    ("part 2", as_notes("Still tissue.") + as_warnings("The pixel size is unknown.")),
    ("part <3>", as_notes("Still tissue.") + as_warnings("The pixel size is unknown.", "Torn.")),
]


def test_each_remark_is_said_once():
    assert by_remark(RECORDINGS) == {
        "The pixel size is unknown.": "all recordings",
        "First.": "part 1",
        "Torn.": "part <3>",
        "Still tissue.": "all recordings",
    }
    assert set(by_remark(RECORDINGS[:1]).values()) == {"part 1"}
    some = [*RECORDINGS, ("part 4", ())]
    assert by_remark(some)["The pixel size is unknown."] == "part 1, part 2, part <3>"


def test_warnings_come_first():
    assert list(by_remark(RECORDINGS))[-1] == "Still tissue."


def test_a_warning_has_a_sign_and_a_note_has_none():
    assert [marked(remark) for remark in RECORDINGS[1][1]] == [
        "Still tissue.",
        "⚠ The pixel size is unknown.",
    ]


def test_lines_are_rich_text():
    assert remark_lines([]) == ""
    assert remark_lines([("a", ()), *RECORDINGS[2:]]).split("<br>") == [
        "⚠ <b>part &lt;3&gt;</b>: The pixel size is unknown.",
        "⚠ <b>part &lt;3&gt;</b>: Torn.",
        "<b>part &lt;3&gt;</b>: Still tissue.",
    ]
