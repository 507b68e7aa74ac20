"""One natural order for the reader, the list of recordings and `batch`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.cli.table import Row
from napari_zstack_align.read import open_stack
from napari_zstack_align.read.natural_order import in_natural_order

IN_ORDER = ["Rec1", "Rec1-2", "rec2", "Rec10"]


@pytest.mark.parametrize("given", [IN_ORDER, IN_ORDER[::-1], [*IN_ORDER[2:], *IN_ORDER[:2]]])
@pytest.mark.parametrize("ending", ["", ".tif", ".ome.tif"])
def test_numbers_count_and_case_does_not(given: list[str], ending: str) -> None:
    expected = [name + ending for name in IN_ORDER]
    assert in_natural_order(name + ending for name in given) == expected


@pytest.mark.parametrize("pair", [("Rec1.tif", "rec1.tif"), ("rec01.tif", "rec1.tif")])
def test_the_order_never_depends_on_the_file_system(pair: tuple[str, str]) -> None:
    assert in_natural_order(pair) == in_natural_order(reversed(pair)) == list(pair)


def test_folders_come_first() -> None:
    paths = ["day 10/rec1.tif", "day 2/rec3.tif", "day 2/rec20.tif"]
    assert in_natural_order(map(Path, paths)) == [Path(paths[i]) for i in (1, 2, 0)]


def test_reader_and_batch_have_this_order(tmp_path: Path) -> None:
    for name in IN_ORDER:
        np.save(tmp_path / f"{name}.npy", np.zeros((2, 4, 5), np.uint16))
    assert [path.stem for path in open_stack(tmp_path).paths] == IN_ORDER
    row = Row("larva", ("*.npy",), None, tmp_path)
    assert [path.stem for path in row.paths(tmp_path)] == IN_ORDER


def test_nothing_else_sorts_names() -> None:
    """Another call of natsort would be another order."""
    package = Path(nza.__file__).parent
    users = [path.name for path in package.rglob("*.py") if "natsort" in path.read_text("utf-8")]
    assert users == ["natural_order.py"]
