from __future__ import annotations

from napari_zstack_align.gui.remarks import by_remark, remark_lines

RECORDINGS = [
    ("part 1", ("The pixel size is unknown.", "First.")),
    ("part 2", ("The pixel size is unknown.",)),
    ("part <3>", ("The pixel size is unknown.", "Torn.")),
]


def test_each_remark_is_said_once():
    assert by_remark(RECORDINGS) == {
        "The pixel size is unknown.": "all recordings",
        "First.": "part 1",
        "Torn.": "part <3>",
    }
    assert by_remark(RECORDINGS[:1]) == {"The pixel size is unknown.": "part 1", "First.": "part 1"}
    some = [*RECORDINGS, ("part 4", ())]
    assert by_remark(some)["The pixel size is unknown."] == "part 1, part 2, part <3>"


def test_lines_are_rich_text():
    assert remark_lines([]) == ""
    assert remark_lines([("a", ()), *RECORDINGS[2:]]).split("<br>") == [
        "⚠ <b>part &lt;3&gt;</b>: The pixel size is unknown.",
        "⚠ <b>part &lt;3&gt;</b>: Torn.",
    ]
