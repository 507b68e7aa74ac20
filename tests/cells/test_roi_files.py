"""ROIs from other programs: tables, and zips of ImageJ."""

from __future__ import annotations

import re
import zipfile
from math import pi
from pathlib import Path

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.cells.roi_files import load_rois_of, with_size_of_pixels
from napari_zstack_align.errors import InputError

CIRCLES = [[12.5, 7.25, 4.0], [30.0, 41.0, 2.5]]
AREAS = [pi * 16, pi * 6.25]


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


TABLES = {
    "capitals": "ID,Y,X,Radius\n1,12.5,7.25,4\n2,30,41,2.5\n",
    "another order": "radius;X;Y;ID\n4;7,25;12,5;1\n2,5;41;30;2\n",
    "no ids": "y\tx\tradius\n12.5\t7.25\t4\n30\t41\t2.5\n",
    "diameters": "id,y,x,diameter\n1,12.5,7.25,8\n2,30,41,5\n",
    "units in titles": "ID,Y (px),X (px),Radius [px]\n1,12.5,7.25,4\n2,30,41,2.5\n",
    "scikit-image": (
        "label,centroid-0,centroid-1,equivalent_diameter_area\n1,12.5,7.25,8\n2,30,41,5\n"
    ),
    "Fiji": f" ,Area,Mean,X,Y\n1,{AREAS[0]},9,7.75,13\n2,{AREAS[1]},9,41.5,30.5\n",
    "Fiji, saved by a German Excel": (
        f" ;Area;X;Y\n1;{AREAS[0]};7.75;13\n2;{AREAS[1]};41.5;30.5\n".replace(".", ",")
    ),
    "blank lines": "id,y,x,radius\n\n1,12.5,7.25,4\n\n2,30,41,2.5\n\n",
}


@pytest.mark.parametrize("text", TABLES.values(), ids=TABLES)
def test_tables_of_others(text: str, tmp_path: Path) -> None:
    rois = nza.load_rois(written(tmp_path / "rois.csv", text))
    np.testing.assert_allclose(rois.circles, CIRCLES, rtol=1e-12)
    assert rois.ids.tolist() == [1, 2]


def test_what_was_assumed_is_said(tmp_path: Path) -> None:
    path = tmp_path / "rois.csv"
    assert not nza.load_rois(written(path, TABLES["capitals"])).remarks
    assert "numbered from 1" in str(nza.load_rois(written(path, TABLES["no ids"])).remarks[0])
    fiji = nza.load_rois(written(path, TABLES["Fiji"])).remarks[0]
    assert fiji.is_warning
    assert "in pixels: where the image had a scale in Fiji" in fiji


def test_our_own_tables_count_in_pixels(tmp_path: Path) -> None:
    nza.Rois.of(CIRCLES, made_on="reference-1").save(tmp_path / "rois.csv")
    with pytest.raises(InputError, match="counts in pixels: leave out"):
        nza.load_rois(tmp_path / "rois.csv", pixel_size_um=1.2)


@pytest.mark.parametrize("pixel", [0.5, 1.7])
def test_tables_in_um(pixel: float, tmp_path: Path) -> None:
    rows = [
        (a * pixel**2, (x + 0.5) * pixel, (y + 0.5) * pixel)
        for a, (y, x, _) in zip(AREAS, CIRCLES, strict=True)
    ]
    fiji = " ,Area,X,Y\n" + "".join(f"{i},{a},{x},{y}\n" for i, (a, x, y) in enumerate(rows, 1))
    plain = "id,y,x,radius\n" + "".join(
        f"{i},{y * pixel},{x * pixel},{r * pixel}\n" for i, (y, x, r) in enumerate(CIRCLES, 1)
    )
    for text in (fiji, plain):
        path = written(tmp_path / "rois.csv", text)
        rois = nza.load_rois(path, pixel_size_um=pixel)
        np.testing.assert_allclose(rois.circles, CIRCLES, rtol=1e-12)
        assert not any(remark.is_warning for remark in rois.remarks)
        same = nza.Stack.from_array(np.zeros((2, 8, 8)), "TYX", pixel_size_um=(pixel, pixel))
        assert with_size_of_pixels(rois, pixel, [same]) is rois
        other = same.replace(pixel_size_um=(pixel, 1.1 * pixel))
        warned = with_size_of_pixels(rois, pixel, [same, other]).remarks[-1]
        assert warned.is_warning
        assert f"pixels of {pixel} µm, but those of" in warned
    for odd in (0, -1, np.inf, np.nan):
        with pytest.raises(InputError, match="above 0 µm"):
            nza.load_rois(path, pixel_size_um=odd)


def test_slices_of_fiji(tmp_path: Path) -> None:
    text = " ,Area,X,Y,Slice\n1,9,7.75,13,1\n2,9,41.5,30.5,3\n"
    rois = nza.load_rois(written(tmp_path / "rois.csv", text))
    assert rois.slices.tolist() == [[0, 0], [2, 2]]
    of_one = text.replace("30.5,3", "30.5,1")
    rois = nza.load_rois(written(tmp_path / "rois.csv", of_one))
    assert rois.slices.tolist() == [[-1, -1], [-1, -1]]


BAD = {
    "a word": ("id,y,x,radius\n1,2,3,4\n2,5,six,4\n", "row 3, column x: 'six' is no number"),
    "nothing": ("ID,Y,X,Radius\n1,2,3,4\n2,5,,4\n", "row 3, column X: '' is no number"),
    "infinite": ("id,y,x,radius\n1,inf,3,4\n", "row 2, column y: 'inf' is no finite number"),
    "no radius": ("id,y,x,radius\n1,2,3,4\n2,5,6,0\n", "row 3, column radius: '0.?0?' is not"),
    "half an id": ("ID,y,x,radius\n1.5,2,3,4\n", "row 2, column ID: '1.5' is no whole number"),
    "after a gap": ("id,y,x,radius\n\n\n1,2,3,a\n", "row 4, column radius: 'a' is no number"),
    "no area": (" ,Area,X,Y\n1,-4,2,3\n", "row 2, column Area: '0.0' is not above 0"),
    "Fiji without a place": (" ,Area,Mean\n1,4,2\n", "lacks the columns y, x"),
    "two places": (
        "recording,roi,channel,y,x,radius\na,1,0,2,3,4\nb,1,0,2,9,4\n",
        "ROI 1 has another place in row 3 than in row 2",
    ),
}


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD)
def test_a_bad_cell_is_named(text: str, said: str, tmp_path: Path) -> None:
    path = written(tmp_path / "rois.csv", text)
    with pytest.raises(InputError, match=said) as caught:
        nza.load_rois(path)
    assert str(path) in str(caught.value)


ROIS = nza.Rois.of(CIRCLES, ids=[3, 8], slices=[[0, 0], [2, 4]], features={"strength": [1.0, 2]})


@pytest.mark.parametrize("name", ["rois.zip", "rois.npz", "rois.csv"])
@pytest.mark.parametrize("of_slices", [True, False])
def test_what_was_exported_reads_back(name: str, of_slices: bool, tmp_path: Path) -> None:
    pytest.importorskip("roifile")
    rois = ROIS if of_slices else nza.Rois.of(CIRCLES, ids=[3, 8])
    again = nza.load_rois(nza.run(nza.export_rois(tmp_path / name, rois)))
    np.testing.assert_allclose(again.circles, rois.circles, atol=1e-5)  # ImageJ: float32
    assert again.ids.tolist() == [3, 8]
    assert again.slices.tolist() == rois.slices.tolist()


def oval(**more) -> bytes:
    """An oval of whole pixels, as ImageJ draws them."""
    roifile = pytest.importorskip("roifile")
    kind = more.pop("roitype", "OVAL")
    box = {"left": 10, "top": 20, "right": 18, "bottom": 26} | more
    return roifile.ImagejRoi(roitype=roifile.ROI_TYPE[kind], **box).tobytes()


def zipped(path: Path, **ovals: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in ovals.items():
            archive.writestr(f"{name}.roi", content)
    return path


def test_ovals_of_imagej(tmp_path: Path) -> None:
    """The oval of 8 × 6 pixels with its corner at (10, 20) has its centre at (13.5, 22.5)."""
    path = zipped(tmp_path / "RoiSet.zip", a=oval(), b=oval(right=16))
    rois = nza.load_rois(path)
    np.testing.assert_allclose(rois.circles, [[22.5, 13.5, 48**0.5 / 2], [22.5, 12.5, 3]])
    assert rois.features["name"].tolist() == ["a", "b"]
    assert "1 ellipse" in str(rois.remarks[0])
    single = tmp_path / "a.roi"
    single.write_bytes(oval())
    np.testing.assert_allclose(nza.load_rois(single).circles, rois.circles[:1])


def test_long_ovals_are_warned_of(tmp_path: Path) -> None:
    rois = nza.load_rois(zipped(tmp_path / "r.zip", a=oval(right=30), b=oval()))
    assert rois.remarks[0].is_warning
    assert "1 oval of 2 was more than 1.5 times" in rois.remarks[0]


def test_ovals_of_one_name_are_not_taken_for_one(tmp_path: Path) -> None:
    """Other programs number their ROIs likewise."""
    ovals = {"a": oval(name="ROI_1"), "b": oval(name="ROI_1", left=12, right=20)}
    rois = nza.load_rois(zipped(tmp_path / "r.zip", **ovals))
    assert len(rois) == 2
    assert rois.features["name"].tolist() == ["ROI_1", "ROI_1"]


def test_positions_of_ovals_are_slices(tmp_path: Path) -> None:
    rois = nza.load_rois(zipped(tmp_path / "r.zip", a=oval(position=1), b=oval(position=4)))
    assert rois.slices.tolist() == [[0, 0], [3, 3]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"a": b"Iout"}, "The ROI a in .* is damaged"),
        ({"a": b"nothing of the kind, at all" * 9}, "The ROI a in .* is damaged"),
        ({}, "is an empty zip file"),
    ],
)
def test_damaged_zips(content: dict[str, bytes], said: str, tmp_path: Path) -> None:
    pytest.importorskip("roifile")
    with pytest.raises(InputError, match=said):
        nza.load_rois(zipped(tmp_path / "r.zip", **content))


def test_other_shapes_are_refused_by_name(tmp_path: Path) -> None:
    path = zipped(tmp_path / "r.zip", a=oval(), cell7=oval(roitype="RECT"))
    with pytest.raises(InputError, match=r"The ROI cell7 in .* is a rect: only ovals"):
        nza.load_rois(path)


@pytest.mark.parametrize("unit", ["(µm)", "[\N{GREEK SMALL LETTER MU}m]", "(um)", "(Micron)"])
def test_titles_in_um_are_not_taken_for_pixels_in_silence(unit: str, tmp_path: Path) -> None:
    text = f"ID,Y {unit},X {unit},Radius {unit}\n1,10,20,5\n"
    path = written(tmp_path / "rois.csv", text)
    (remark,) = nza.load_rois(path).remarks
    assert remark.is_warning
    assert f"names µm (column Y {unit})" in remark
    in_um = nza.load_rois(path, pixel_size_um=0.5)
    assert in_um.circles.tolist() == [[20, 40, 10]]
    assert in_um.remarks == ()


def test_centroids_in_volumes_are_refused(tmp_path: Path) -> None:
    text = "label,centroid-0,centroid-1,centroid-2,area\n3,10,20,30,78.5\n"
    with pytest.raises(InputError, match="centroids are in three dimensions"):
        nza.load_rois(written(tmp_path / "rois.csv", text))


@pytest.mark.parametrize(
    "head",
    ["y_um,x_um,radius_um", "Y_µm,X_µm,Diameter_µm", "y um,x um,r um", "Y (um),X (um),area_um2"],
)
@pytest.mark.parametrize("pixel", [None, 0.5])
def test_units_at_the_end_of_titles(head: str, pixel: float | None, tmp_path: Path) -> None:
    """With the pixels of the recordings, where they are square; else as pixels, with a warning."""
    size = {"D": 10.0, "a": 25 * pi}.get(head.split(",")[2][0], 5.0)
    path = written(tmp_path / "rois.csv", f"{head}\n10,20,{size}\n")
    assert nza.load_rois(path, pixel_size_um=0.5).circles == pytest.approx(np.array([[20, 40, 10]]))
    pixels = None if pixel is None else (pixel, pixel)
    stack = nza.Stack.from_array(np.zeros((2, 8, 8)), "TYX", pixel_size_um=pixels)
    rois = load_rois_of(path, None, [stack])
    scale = 1 if pixel is None else pixel
    assert rois.circles == pytest.approx(np.array([[10, 20, 5]]) / scale)
    assert [r.is_warning for r in rois.remarks if "names µm" in r] == [pixel is None]
    oblong = stack.replace(pixel_size_um=(0.5, 0.6))
    assert load_rois_of(path, None, [oblong]).remarks[-1].is_warning


@pytest.mark.parametrize(
    ("head", "pixel", "said"),
    [
        ("y_um,x_um,radius_px", None, "Column x_um is in µm, and radius_px in pixels"),
        ("y_px,x_px,radius_px", 0.5, "Column radius_px counts in pixels: leave out the size"),
        ("Y,X,Radius [px]", 0.5, "counts in pixels"),
    ],
)
def test_units_that_contradict_are_refused(
    head: str, pixel: float | None, said: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "rois.csv", f"{head}\n10,20,5\n")
    with pytest.raises(InputError, match=re.escape(said)):
        nza.load_rois(path, pixel_size_um=pixel)


def test_columns_of_ours_go_before_those_with_a_unit(tmp_path: Path) -> None:
    path = written(tmp_path / "rois.csv", "y_um,x_um,id,y,x,radius\n9,9,1,10,20,5\n")
    rois = nza.load_rois(path)
    assert rois.circles.tolist() == [[10, 20, 5]]
    assert not rois.remarks
