"""What is installed with the package, and what a package index shows of it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = CONFIG["project"]
QT_BINDINGS = {"pyqt5", "pyqt6", "pyside2", "pyside6"}


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=!~; ]", each, maxsplit=1)[0].lower() for each in requirements}


def imported_by_the_panel() -> set[str]:
    """Packages outside the standard library that ``gui/`` imports."""
    lines = "\n".join(
        path.read_text("utf-8")
        for path in (ROOT / "src" / "napari_zstack_align" / "gui").rglob("*.py")
    )
    return set(re.findall(r"^\s*(?:from|import) (magicgui|pyqtgraph|qtpy|superqt)\b", lines, re.M))


def test_the_panel_needs_no_extra():
    """napari's plugin manager installs the package without extras, beside napari and its Qt."""
    base = names(PROJECT["dependencies"])
    assert imported_by_the_panel() == {"magicgui", "pyqtgraph", "qtpy", "superqt"}
    assert imported_by_the_panel() <= base
    assert not base & (QT_BINDINGS | {"napari"})


def test_all_has_every_extra():
    (own, napari) = PROJECT["optional-dependencies"]["all"]
    extras = set(re.findall(r"\[(.*)\]", own)[0].split(","))
    assert extras == set(PROJECT["optional-dependencies"]) - {"all"}
    assert napari.startswith("napari[all]")


def test_the_formats_extras_are_tested_with():
    group = names(list(CONFIG["dependency-groups"]["core-test"]))
    for extra in ("hdf5", "imagej", "nwb"):
        assert names(PROJECT["optional-dependencies"][extra]) <= group


@pytest.fixture(scope="module")
def shown() -> str:
    """The README as a package index gets it."""
    hook = CONFIG["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    text = "".join((ROOT / part["path"]).read_text("utf-8") for part in hook["fragments"])
    for change in hook["substitutions"]:
        text = re.sub(change["pattern"], change["replacement"], text)
    return text


def test_a_package_index_gets_no_relative_links(shown):
    targets = re.findall(r"\]\(([^)]*)\)", shown)
    assert targets
    assert all(target.startswith("https://") for target in targets)
    assert "In napari" in shown
    assert "tutorial shows each step" in re.sub(r"\s+", " ", shown)


def test_pip_install_comes_first(shown):
    assert shown.index("pip install") < shown.index("git clone")
    assert re.search(r'After release:\n+```sh\npip install "napari-zstack-align\[all\]"\n', shown)
