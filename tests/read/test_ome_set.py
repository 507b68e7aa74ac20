"""OME-TIFF of many files: described by one of them, or by a companion file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.storage import load_alignment, save_alignment
from napari_zstack_align.alignment.transforms import identity
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import AdaptiveParams
from napari_zstack_align.project.stacks import entry_of, reopened
from napari_zstack_align.read import holds_frames, images_in, open_stack, started_at

SHAPE = (12, 16)
N_TIMES, N_SLICES, N_CHANNELS = 3, 4, 2
NAMESPACE = 'xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'


def image_of(t: int, z: int, c: int) -> np.ndarray:
    """An image that holds its own number in every pixel."""
    return np.full(SHAPE, 100 * t + 10 * z + c + 1, np.uint16)


def xml_of(names: dict[tuple[int, int, int], str], images: int = 1) -> str:
    """Metadata of all files."""
    places = "".join(
        f'<TiffData FirstT="{t}" FirstZ="{z}" FirstC="{c}" IFD="0" PlaneCount="1">'
        f'<UUID FileName="{name}">urn:uuid:{i}</UUID></TiffData>'
        for i, ((t, z, c), name) in enumerate(names.items())
    )
    pixels = (
        f'<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="16" SizeY="12" '
        f'SizeC="{N_CHANNELS}" SizeZ="{N_SLICES}" SizeT="{N_TIMES}" PhysicalSizeX="0.5" '
        f'PhysicalSizeY="0.5" PhysicalSizeZ="2">{places}</Pixels>'
    )
    each = "".join(
        f'<Image ID="Image:{i}" Name="take {i}"><AcquisitionDate>2025-03-07T14:05:09'
        f"</AcquisitionDate>{pixels}</Image>"
        for i in range(images)
    )
    return f"<OME {NAMESPACE}>{each}</OME>"


def stub(master: str) -> str:
    """What a file without a description of its own says."""
    return f'<OME {NAMESPACE}><BinaryOnly MetadataFile="{master}" UUID="urn:uuid:0"/></OME>'


def write_set(folder: Path, master: str = "take.companion.ome") -> list[Path]:
    """A file each plane; the master is one of them, or a companion file."""
    folder.mkdir(exist_ok=True)
    keys = list(np.ndindex(N_TIMES, N_SLICES, N_CHANNELS))
    names = {key: f"take_C{key[2]}_Z{key[1]}_T{key[0]:03}.ome.tif" for key in keys}
    xml = xml_of(names)
    for key, name in names.items():
        text = xml if name == master else stub(master)
        tifffile.imwrite(folder / name, image_of(*key), description=text, metadata=None)
    if master not in names.values():
        (folder / master).write_text(xml)
    return [folder / name for name in names.values()]


MASTERS = ("take.companion.ome", "take_C0_Z0_T000.ome.tif", "take_C1_Z3_T002.ome.tif")


def check(stack) -> None:
    """The whole set, each image in its place."""
    assert stack.source.shape[1] == N_CHANNELS
    assert (stack.order, stack.frames_per_slice, stack.n_slices) == ("slices", N_TIMES, N_SLICES)
    assert (stack.pixel_size_um, stack.z_step_um) == ((0.5, 0.5), 2.0)
    expected = [
        [image_of(t, z, c) for c in range(N_CHANNELS)]
        for t in range(N_TIMES)
        for z in range(N_SLICES)
    ]
    np.testing.assert_array_equal(stack.read(0, N_TIMES * N_SLICES), expected)


@pytest.mark.parametrize("master", MASTERS)
@pytest.mark.parametrize("chosen", [0, 7, 23, "master", "all", "folder"])
def test_any_file_of_a_set_opens_it(master: str, chosen: int | str, tmp_path: Path) -> None:
    files = write_set(tmp_path / "take", master)
    chosen_path = {"master": files[0].with_name(master), "all": files, "folder": files[0].parent}
    path = files[chosen] if isinstance(chosen, int) else chosen_path[chosen]
    stack = open_stack(path)
    check(stack)
    if isinstance(chosen, int) and files[chosen].name != master:
        assert f"is one of 24 files that {master} describes" in str(stack.remarks[0])


def test_a_missing_file_is_named_and_its_frame_keeps_its_place(tmp_path: Path) -> None:
    files = write_set(tmp_path / "take")
    files[10].unlink()  # T 1, Z 1, C 0: frame 5
    files[11].unlink()
    stack = open_stack(tmp_path / "take")
    assert stack.n_frames == N_TIMES * N_SLICES
    assert f"{files[10].name} is missing in take: 1 frame can't be read" in " ".join(
        map(str, stack.remarks)
    )
    with pytest.raises(InputError, match=f"{files[10].name} is missing"):
        stack.read(5, 6)
    np.testing.assert_array_equal(stack.read(6, 7)[0, 1], image_of(1, 2, 1))


@pytest.mark.parametrize("given", ["one of them", "all that are there"])
@pytest.mark.parametrize("master", MASTERS[:2])
def test_a_result_opens_a_set_again_that_lacks_a_file(
    master: str, given: str, tmp_path: Path
) -> None:
    """Also once the file is back, as its user was asked to copy it there."""
    files = write_set(tmp_path / "set", master)
    lost = files[9]
    kept = lost.read_bytes()
    lost.unlink()
    there = [file for file in files if file != lost]
    stack = open_stack(there[-1] if given == "one of them" else there)
    assert stack.source.shape[0] == N_TIMES * N_SLICES
    (missing,) = stack.missing
    n_frames, shape = stack.n_frames, (stack.shape[2], stack.shape[3])
    made = Alignment(
        stack, identity(n_frames, shape), np.zeros(shape, np.float32),
        empty_table(n_frames, "slice"), AdaptiveParams(),
    )  # fmt: skip
    folder = save_alignment(made, tmp_path / "run.zalign")
    again = load_alignment(folder).stack
    assert again.missing == (missing,)
    np.testing.assert_array_equal(again.read(0, missing), stack.read(0, missing))
    lost.write_bytes(kept)
    back = load_alignment(folder).stack
    np.testing.assert_array_equal(back.read(0, missing), stack.read(0, missing))
    assert back.missing == ()
    entry = entry_of(stack, tmp_path, None)
    assert reopened(entry, tmp_path, "open it").missing == ()
    lost.unlink()
    assert reopened(entry, tmp_path, "open it").missing == (missing,)


def test_the_folder_of_a_missing_file_is_named_wherever_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = write_set(tmp_path / "here")
    files[9].unlink()
    monkeypatch.chdir(tmp_path / "here")
    assert any("missing in here" in remark for remark in open_stack(files[0].name).remarks)


def test_without_the_file_that_describes_them(tmp_path: Path) -> None:
    files = write_set(tmp_path / "take")
    (tmp_path / "take" / "take.companion.ome").unlink()
    stack = open_stack(files)
    assert stack.n_frames == 24
    assert "says that take.companion.ome describes it, which isn't in its folder" in " ".join(
        map(str, stack.remarks)
    )
    assert open_stack(files[3]).n_frames == 1


def test_without_any_image(tmp_path: Path) -> None:
    for path in write_set(tmp_path / "take"):
        path.unlink()
    with pytest.raises(InputError, match=r"None of the 24 image files that take\.companion\.ome"):
        open_stack(tmp_path / "take" / "take.companion.ome")


def test_a_place_elsewhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.companion.ome").write_text(xml_of({(0, 0, 0): "x.ome.tif"}))
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "x.ome.tif"
    for master in ("../secret.companion.ome", r"..\secret.companion.ome", "/etc/passwd", ".."):
        tifffile.imwrite(path, image_of(0, 0, 0), description=stub(master), metadata=None)
        assert open_stack(path).n_frames == 1


def test_files_that_describe_each_other(tmp_path: Path) -> None:
    for a, b in (("a", "b"), ("b", "a")):
        path = tmp_path / f"{a}.ome.tif"
        text = stub(f"{b}.ome.tif")
        tifffile.imwrite(path, image_of(0, 0, 0), description=text, metadata=None)
    with pytest.raises(InputError, match="has no description of its own"):
        open_stack(tmp_path / "a.ome.tif")


@pytest.mark.parametrize("text", ["", "<OME", "<OME/>", "no xml", "<html></html>", "\0" * 99])
def test_a_damaged_companion(text: str, tmp_path: Path) -> None:
    files = write_set(tmp_path / "take")
    files[0].with_name("take.companion.ome").write_text(text)
    for path in (files[0], files[0].parent):
        with pytest.raises(InputError, match=r"\.$"):
            open_stack(path)


def test_one_of_several_images(tmp_path: Path) -> None:
    write_set(tmp_path / "take")
    companion = tmp_path / "take" / "take.companion.ome"
    names = {key: f"take_C{key[2]}_Z{key[1]}_T{key[0]:03}.ome.tif" for key in np.ndindex(3, 4, 2)}
    companion.write_text(xml_of(names, images=2))
    stack = open_stack(companion, image="take 1")
    check(stack)
    assert "take 1 was opened, not take 0" in " ".join(map(str, stack.remarks))


def test_a_companion_stands_for_its_files(tmp_path: Path) -> None:
    files = write_set(tmp_path / "take")
    companion = files[0].with_name("take.companion.ome")
    assert images_in(tmp_path / "take") == [companion]
    assert holds_frames(companion)
    assert holds_frames(files[3])
    assert str(started_at(companion)) == "2025-03-07 14:05:09"
    (tmp_path / "take" / "other.companion.ome").write_text(companion.read_text())
    with pytest.raises(InputError, match="holds 2 sets of images: open one by its file"):
        open_stack(tmp_path / "take")


def test_images_beside_a_set_are_not_lost_without_a_word(tmp_path: Path) -> None:
    files = write_set(tmp_path / "take")
    other = tmp_path / "take" / "rec2.tif"
    tifffile.imwrite(other, np.zeros((5, *SHAPE), np.uint16))
    companion = files[0].with_name("take.companion.ome")
    assert sorted(images_in(tmp_path / "take")) == sorted([companion, other])
    stack = open_stack(tmp_path / "take")
    check(stack)
    said = "1 image file that take.companion.ome doesn't describe was left out."
    assert said in stack.remarks
    companion.write_text("<OME")  # what is damaged hides nothing
    assert other in images_in(tmp_path / "take")
