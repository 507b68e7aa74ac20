"""A seeded, short part of what ``make fuzz`` does, and that nothing is ever unpickled."""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
from pathlib import Path

import pytest

import napari_zstack_align

SCRIPT = Path(__file__).parents[1] / "scripts" / "fuzz.py"
SOURCE = Path(napari_zstack_align.__file__).parent


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="cases run in forked processes")
def test_spoilt_files_are_refused_in_a_sentence(tmp_path):
    spec = importlib.util.spec_from_file_location("fuzz", SCRIPT)
    fuzz = importlib.util.module_from_spec(spec)
    sys.modules["fuzz"] = fuzz
    spec.loader.exec_module(fuzz)
    found = fuzz.fuzz(minutes=5, seed=7_000, keep=tmp_path / "kept", most=150)
    assert found["cases"] == 150
    assert found["refused"] > 75
    assert found["crashes"] == 0


@pytest.mark.thorough
def test_no_pickle_is_loaded():
    """Only what Suite2p wants pickled is written so; np.load and pickles are not read anywhere."""
    paths = sorted(SOURCE.rglob("*.py"))
    assert paths
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            assert loads_no_pickle(node), f"{path.relative_to(SOURCE)}, line {node.lineno}"


def loads_no_pickle(node: ast.AST) -> bool:
    """Whether a piece of a module neither imports what pickles, nor calls what would unpickle."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
        return not {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"} & set(names)
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return True
    owner = getattr(node.func.value, "id", "")
    if (owner, node.func.attr) in (("np", "load"), ("numpy", "load")):
        return False
    if node.func.attr in ("read_array", "loadtxt", "genfromtxt"):
        given = {word.arg: word.value for word in node.keywords}.get("allow_pickle")
        return isinstance(given, ast.Constant) and given.value is False
    return True
