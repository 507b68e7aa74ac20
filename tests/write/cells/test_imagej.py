"""Zips for ImageJ's ROI manager."""

import struct
import sys
import zipfile

import numpy as np
import pytest
import roifile

from napari_zstack_align.cells.rois import Rois
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import run
from napari_zstack_align.write.cells.export import export_rois
from napari_zstack_align.write.cells.imagej import write_imagej


def test_ovals_lie_where_the_circles_are(tmp_path, rois):
    ovals = roifile.roiread(run(write_imagej(tmp_path / "a.zip", rois)))
    assert [oval.name for oval in ovals] == ["ROI_0003", "ROI_0007", "ROI_0012"]
    for oval, (y, x, radius) in zip(ovals, rois.circles, strict=True):
        assert oval.roitype == roifile.ROI_TYPE.OVAL
        assert oval.subpixelrect
        assert (oval.widthd, oval.heightd) == (2 * radius, 2 * radius)
        # ImageJ's first pixel reaches from 0 to 1, ours from -0.5 to 0.5
        assert (oval.yd + radius, oval.xd + radius) == (y + 0.5, x + 0.5)
        assert (oval.bottom - oval.top, oval.position) == (pytest.approx(2 * radius, abs=1), 0)
        np.testing.assert_allclose(
            [oval.top, oval.left], [y + 0.5 - radius, x + 0.5 - radius], atol=0.51
        )


def test_bytes_are_where_imagej_looks_for_them(tmp_path):
    rois = Rois.of([(20.25, 30.5, 4.5)], slices=[(6, 6)])
    with zipfile.ZipFile(run(write_imagej(tmp_path / "a.zip", rois))) as archive:
        data = archive.read("ROI_0001.roi")
    assert data[:4] == b"Iout"
    version, kind = struct.unpack(">hB", data[4:7])
    assert (version >= 223, kind) == (True, 2)
    assert struct.unpack(">4f", data[18:34]) == (26.5, 16.25, 9.0, 9.0)
    (options,) = struct.unpack(">h", data[50:52])
    assert options & 128
    assert struct.unpack(">i", data[56:60]) == (7,)


def test_rois_of_a_zstack_have_the_position_of_each_slice(tmp_path):
    rois = Rois.of([(5, 6, 2), (9, 9, 3), (4, 4, 1)], slices=[(0, 0), (2, 4), (-1, -1)])
    ovals = roifile.roiread(run(write_imagej(tmp_path / "a.zip", rois)))
    assert [(oval.name, oval.position) for oval in ovals] == [
        ("ROI_0001", 1),
        ("ROI_0002_z0003", 3),
        ("ROI_0002_z0004", 4),
        ("ROI_0002_z0005", 5),
        ("ROI_0003", 0),
    ]
    assert {(oval.xd, oval.widthd) for oval in ovals[1:4]} == {(6.5, 6.0)}


def test_a_circle_over_the_border_keeps_its_place(tmp_path):
    ovals = roifile.roiread(run(write_imagej(tmp_path / "a.zip", Rois.of([(0, 1, 4)]))))
    assert (ovals[0].yd, ovals[0].xd) == (-3.5, -2.5)


def test_without_roifile(tmp_path, rois, monkeypatch):
    monkeypatch.setitem(sys.modules, "roifile", None)
    with pytest.raises(InputError, match=r"pip install 'napari-zstack-align\[imagej\]'"):
        export_rois(tmp_path / "a.zip", rois)


def test_a_cancel_leaves_nothing(tmp_path, no_leftovers):
    rois = Rois.of(np.tile([5.0, 5.0, 2.0], (500, 1)))
    job = write_imagej(tmp_path / "a.zip", rois)
    next(job)
    job.close()
    assert no_leftovers() == []
