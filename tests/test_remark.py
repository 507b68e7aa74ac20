from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.remark import (
    Remark,
    RemarkCode,
    Severity,
    as_notes,
    as_remarks,
    as_serious,
    as_warnings,
    counted_warnings,
    remark_from,
    with_remarks,
)


def test_a_plain_sentence_is_a_warning() -> None:
    (plain,) = as_remarks(["Torn."])
    assert plain.is_warning
    (noted,) = as_remarks(as_notes("Still tissue."))
    assert noted.severity == "note"
    assert not noted.is_warning


def test_sentences_that_are_empty_make_no_warnings() -> None:
    assert as_warnings("", "Torn.", "") == ("Torn.",)


def test_a_remark_is_a_text() -> None:
    (noted,) = as_notes("Still tissue.")
    assert f"{noted} And more." == "Still tissue. And more."
    assert noted.labelled == "Note: Still tissue."
    assert Remark("Torn.").labelled == "Warning: Torn."


@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize("code", RemarkCode)
def test_copies_keep_severity_and_code(severity: Severity, code: RemarkCode) -> None:
    remark = Remark("It is so.", severity, code)
    copies = (copy.deepcopy(remark), pickle.loads(pickle.dumps(remark)))
    for other in (*copies, remark_from(json.loads(json.dumps(remark.facts())))):
        assert other == remark
        assert other.severity is severity
        assert other.code is code


def test_an_unknown_severity_is_a_warning() -> None:
    assert remark_from({"severity": "disaster", "text": "It burns."}).is_warning


def test_an_unknown_code_is_none() -> None:
    assert remark_from({"code": "disaster", "text": "It burns."}).code is RemarkCode.NONE


@pytest.mark.parametrize("facts", [5, None, {}, {"text": 5}, ["Torn."]])
def test_what_is_no_remark_is_refused(facts: object) -> None:
    with pytest.raises(ValueError, match="no remark"):
        remark_from(facts)


def test_a_stack_makes_warnings_of_plain_sentences() -> None:
    stack = nza.Stack.from_array(np.ones((3, 8, 8), np.uint8), remarks=("Odd.",))
    assert stack.remarks[0].is_warning
    noted = stack.replace(remarks=as_notes("As usual."))
    assert not noted.replace(name="other").remarks[0].is_warning


def test_files_left_out_of_a_folder_are_a_note(tmp_path: Path) -> None:
    np.save(tmp_path / "raw.npy", np.ones((3, 8, 8), np.uint8))
    (tmp_path / "readme.txt").write_text("Of the microscope.")
    (remark,) = nza.open_stack(tmp_path).remarks
    assert remark.severity == "note"


def test_a_serious_remark_is_a_warning_that_stands_first() -> None:
    (serious,) = as_serious("All is wrong", "")
    assert serious.is_warning
    assert serious.is_serious
    assert serious.labelled == "Warning: All is wrong."
    text = with_remarks("5 frames", [*as_notes("As usual."), *as_warnings("Odd."), serious])
    assert text.splitlines() == [
        "Warning: All is wrong.",
        "  5 frames.",
        "  Warning: Odd.",
        "  Note: As usual.",
    ]
    assert with_remarks("5 frames.", []) == "5 frames."


def test_warnings_are_counted_once_and_notes_not() -> None:
    remarks = [*as_warnings("Odd.", "Odd."), *as_serious("Wrong."), *as_notes("As usual.")]
    assert counted_warnings(remarks) == "2 warnings"
    assert counted_warnings(as_notes("As usual.")) == ""
