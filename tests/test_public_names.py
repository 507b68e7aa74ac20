"""The public surface: what ``__all__`` names, found when it is asked for, and all the docs need."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import napari_zstack_align as nza

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_every_name_is_found():
    assert sorted(nza.__all__) == nza.__all__
    for name in nza.__all__:
        assert getattr(nza, name) is not None
    assert set(nza.__all__) <= set(dir(nza))


def test_star_imports_what_is_public():
    names: dict[str, object] = {}
    exec("from napari_zstack_align import *", names)
    assert set(nza.__all__) <= set(names)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'align'"):
        nza.align  # noqa: B018
    with pytest.raises(ImportError):
        from napari_zstack_align import align  # noqa: F401


def names_for_type_checkers() -> dict[str, tuple[str, str]]:
    """Name ↦ (module, name there), as the block under ``if TYPE_CHECKING`` imports them."""
    (block,) = (
        node
        for node in ast.parse(Path(nza.__file__).read_text("utf-8")).body
        if isinstance(node, ast.If)
    )
    return {
        alias.asname or alias.name: (str(node.module), alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_type_checkers_see_the_same_names():
    seen = names_for_type_checkers()
    assert {*seen, "__version__"} == set(nza.__all__)
    for name, (module, name_there) in seen.items():
        assert getattr(nza, name) is getattr(import_module(module), name_there), name


def test_importing_the_package_loads_nothing_large():
    code = (
        "import sys, napari_zstack_align; "
        "print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "napari_zstack_align" in loaded
    assert not {"numpy", "dask", "pydantic", "scipy", "zarr", "cv2", "qtpy", "napari"} & {*loaded}


def python_blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)


def test_there_are_blocks_to_check():
    assert sum(len(python_blocks(page)) for page in PAGES) >= 8


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_docs_use_public_names_only(page: Path):
    for block in python_blocks(page):
        tree = ast.parse(block)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("napari_zstack"):
                raise AssertionError(f"{page.name}: use nza.…, not {ast.unparse(node)!r}")
            if isinstance(node, ast.Import):
                assert not any(n.name.startswith("napari_zstack_align.") for n in node.names)
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "nza":
                assert node.attr in nza.__all__, f"{page.name}: nza.{node.attr}"
