"""A project comes back as it was; what can't be read is reported and kept; nothing is rewritten."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from cases import SHAPE, digest, recording, rois, stack_of, traces, zshift, zstack
from killing import killed_at, stride

import napari_zstack_align as nza
from napari_zstack_align.alignment.raw_frames import MissingSource
from napari_zstack_align.alignment.transforms import AffineLink
from napari_zstack_align.cells.made_on import made_on
from napari_zstack_align.cli.main import main
from napari_zstack_align.project import ProjectFolder
from napari_zstack_align.project.members import is_member
from napari_zstack_align.project.project import Project
from napari_zstack_align.saved import Kind, as_kept, kind_of


def raw_stack(folder: Path, name: str, per_slice: int | None = None) -> nza.Stack:
    """The frames of `stack_of` in a file, as a person described them."""
    frames = stack_of(name).read(0, 6)[:, 0]
    np.save(folder / f"{name}.npy", frames)
    stack = nza.open_stack(folder / f"{name}.npy", frames_per_slice=per_slice)
    times = None if per_slice else np.arange(6) / 7
    return stack.replace(
        name=f"my {name}", pixel_size_um=(0.4, 0.5), z_step_um=2.0, frame_times_s=times,
        channel_names=("GCaMP",),
    )  # fmt: skip


def whole(folder: Path) -> Project:
    """A project of everything, with its raw files in the same folder."""
    larva, first, second = (
        raw_stack(folder, name, n) for name, n in (("larva", 2), ("a", None), ("b", None))
    )
    session = [
        replace(recording(1, stack.name, number=k), stack=stack)
        for k, stack in enumerate((first, second))
    ]
    labels = np.arange(np.prod(SHAPE)).reshape(SHAPE) % 5
    return Project(
        stacks=(larva,),
        recordings=(second, first),
        masks=(
            nza.NamedMask("brain", labels.astype(np.int64), "my larva", made_on(session[0])),
            nza.NamedMask("eyes", labels > 3),
            nza.NamedMask("volume", np.stack([labels, labels + 1, labels]).astype(np.float32)),
        ),
        runs=(
            nza.NamedRun("first", replace(zstack(1), stack=larva), "2026-01-02T03:04:05+00:00"),
            nza.NamedRun("second", replace(zstack(2, mask=False, done=4), stack=larva)),
            nza.NamedRun("session", tuple(session)),
        ),
        in_view=("second", "session"),
        rois={"cells": rois(1), "cells of <b>/2": rois(2)},
        traces={"green": (traces(1, "a"), traces(3, "b"))},
        zshifts={"drift": replace(zshift(1), stack=first)},
        params={"Align": nza.AdaptiveParams(alpha=7), "Cells": nza.BlobParams(method="dog")},
        view={"tab": "Cells", "frame": 3},
    )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return whole(tmp_path)


@pytest.fixture
def saved(project: Project, tmp_path: Path) -> Path:
    return project.save(tmp_path / "larva")


def all_of(project: Project) -> dict[str, object]:
    """What must come back."""
    return {
        "stacks": [described(stack) for stack in project.stacks],
        "recordings": [described(stack) for stack in project.recordings],
        "masks": [
            (m.name, m.labels.dtype, m.labels.tolist(), m.belongs_to, m.made_on)
            for m in project.masks
        ],
        "runs": [(r.name, r.when, r.what, digest(list(r.results))) for r in project.runs],
        "in view": project.in_view,
        "rois": {name: digest(each) for name, each in project.rois.items()},
        "traces": {name: digest(list(each)) for name, each in project.traces.items()},
        "zshifts": {name: digest(each) for name, each in project.zshifts.items()},
        "params": dict(project.params),
        "view": dict(project.view),
    }


def described(stack: nza.Stack) -> tuple[object, ...]:
    times = None if stack.frame_times_s is None else stack.frame_times_s.tolist()
    return (stack.name, stack.shape, stack.frames_per_slice, stack.order, stack.pixel_size_um,
            stack.z_step_um, times, stack.channel_names)  # fmt: skip


def files_in(folder: Path) -> dict[str, tuple[int, int]]:
    found = {str(p.relative_to(folder)): p.stat() for p in folder.rglob("*") if p.is_file()}
    return {name: (each.st_ino, each.st_mtime_ns) for name, each in found.items()}


def listed(folder: Path) -> set[str]:
    text = (folder / "project.json").read_text("utf-8")
    return {path.name for path in folder.iterdir() if is_member(path) and path.name in text}


def test_everything_comes_back(project: Project, saved: Path) -> None:
    loaded = nza.load(saved)
    assert isinstance(loaded, Project)
    assert all_of(loaded) == all_of(project)
    assert not loaded.remarks
    assert loaded.folder == saved.resolve()
    assert [stack.paths for stack in loaded.stacks] == [stack.paths for stack in project.stacks]
    assert np.array_equal(loaded.stacks[0].read(0, 6), project.stacks[0].read(0, 6))
    assert kind_of(saved) is Kind.PROJECT
    assert nza.load(saved.with_suffix("")).view == project.view  # the suffix may be left out


def test_members_open_by_themselves(saved: Path) -> None:
    results = [path for path in saved.iterdir() if path.suffix in (".zalign", ".csv", "")]
    kinds = {type(nza.load(path)) for path in results}
    assert kinds == {nza.Alignment, nza.Traces, nza.ZShift, nza.Rois}


def test_moved_with_its_raw_files(project: Project, tmp_path: Path) -> None:
    (tmp_path / "day").mkdir()
    project = whole(tmp_path / "day")
    project.save(tmp_path / "day" / "larva")
    (tmp_path / "day").rename(tmp_path / "moved")
    loaded = nza.load(tmp_path / "moved" / "larva.zproject")
    assert all_of(loaded) == all_of(project)
    assert not loaded.remarks
    assert loaded.stacks[0].paths == ((tmp_path / "moved" / "larva.npy").resolve(),)
    assert loaded.stacks[0].read(0, 1).any()


@pytest.mark.skipif(os.name == "nt", reason="there, names are texts")
def test_names_that_are_no_text(tmp_path: Path) -> None:
    odd = os.fsdecode(b"r\xe9c")
    project = Project(stacks=(raw_stack(tmp_path, odd),), masks=(nza.NamedMask(odd, np.eye(3)),))
    path = project.save(tmp_path / odd)
    loaded = nza.load(path)
    assert all_of(loaded) == all_of(project)
    before = files_in(path)
    loaded.save(path)
    assert files_in(path) == before


def test_nothing_is_written_where_nothing_has_changed(project: Project, saved: Path) -> None:
    before = files_in(saved)
    project.save(saved)
    assert files_in(saved) == before
    loaded = nza.load(saved)
    loaded.save(saved)
    assert files_in(saved) == before


def test_only_what_has_changed_is_written(project: Project, saved: Path) -> None:
    before = files_in(saved)
    mask = nza.NamedMask("brain", np.zeros(SHAPE, np.int64), "my larva")
    changed = project.replace(
        masks=(mask, *project.masks[1:]), rois={**project.rois, "cells": rois(3)}, view={}
    )
    changed.save(saved)
    after = files_in(saved)
    new = {name.partition("-")[0] for name in after if before.get(name) != after[name]}
    assert new == {"project.json", "mask", "rois"}
    assert all_of(nza.load(saved)) == all_of(changed)
    assert len(set(before) - set(after)) == 2, "what was replaced goes"


@pytest.mark.slow
def test_ten_runs_of_3000_frames_are_not_written_again(tmp_path: Path) -> None:
    frames = np.zeros((3000, 4, 4), np.uint8)
    np.save(tmp_path / "long.npy", frames)
    stack = nza.open_stack(tmp_path / "long.npy")
    links = (AffineLink(np.tile(np.eye(3), (3000, 1, 1))),)
    one = nza.apply_transforms(stack, nza.Transforms((4, 4), links))
    runs = [nza.NamedRun(f"run {k}", replace(one, provenance={"k": k})) for k in range(10)]
    project = Project(stacks=(stack,), runs=tuple(runs))
    path = project.save(tmp_path / "p")
    before = files_in(path)
    assert len([path for path in before if path.endswith("run.json")]) == 10
    project.replace(view={"frame": 5}).save(path)
    assert {name for name, state in files_in(path).items() if before.get(name) != state} == {
        "project.json"
    }


def test_removed_members_go(project: Project, saved: Path) -> None:
    project.replace(runs=project.runs[:1], traces={}).save(saved)
    kept = {path.name for path in saved.iterdir()} - {"project.json"}
    assert kept == listed(saved)
    assert sum(name.startswith("alignment") for name in kept) == 1


def test_a_member_that_was_deleted_is_written_again(project: Project, saved: Path) -> None:
    shutil.rmtree(next(saved.glob("alignment-*")))
    project.save(saved)
    assert all_of(nza.load(saved)) == all_of(project)


def change_in_place(path: Path) -> None:
    """Change a byte of a file, or of the longest one in a folder; nothing but its time tells."""
    file = max(path.iterdir(), key=lambda each: each.stat().st_size) if path.is_dir() else path
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    set_back(file)


def set_back(path: Path) -> None:
    """Let a file be from another time, as some ways of copying do."""
    os.utime(path, (1, 1))


MEMBERS = ("alignment", "mask", "traces", "zshift", "times")


@pytest.mark.parametrize("opened", [True, False], ids=["opened", "saved"])
def test_what_was_changed_in_place_is_noticed(project: Project, opened: bool, saved: Path) -> None:
    with ProjectFolder(saved) as folder:
        nza.run(folder.load() if opened else folder.save(project))
        for name in MEMBERS:
            member = next(saved.glob(f"{name}-*"))
            assert nza.run(folder.is_whole()), name
            kept = shutil.copytree if member.is_dir() else shutil.copyfile
            kept(member, saved / "before")
            change_in_place(member)
            assert not nza.run(folder.is_whole()), name
            shutil.rmtree(member) if member.is_dir() else member.unlink()
            (saved / "before").rename(member)  # with other times, as of a copy
        assert nza.run(folder.is_whole())


def test_a_mere_copy_is_read_once(project: Project, saved: Path, monkeypatch) -> None:
    with ProjectFolder(saved) as folder:
        nza.run(folder.save(project))
        for path in saved.rglob("*"):
            set_back(path)
        before = files_in(saved)
        assert nza.run(folder.is_whole(edited=False))
        monkeypatch.setattr(as_kept, "_digest", lambda path: pytest.fail(f"{path} is read"))
        assert nza.run(folder.is_whole(edited=False))
        nza.run(folder.save(project))
        assert files_in(saved) == before


def test_what_was_changed_in_place_is_written_again(project: Project, saved: Path) -> None:
    for name in MEMBERS:
        change_in_place(next(saved.glob(f"{name}-*")))
    project.save(saved)
    assert all_of(nza.load(saved)) == all_of(project)


def test_a_table_of_rois_that_was_edited_counts_unless_it_is_asked_for(saved: Path) -> None:
    with ProjectFolder(saved) as folder:
        nza.run(folder.load())
        assert nza.run(folder.is_whole(edited=False))
        table = next(saved.glob("rois-*"))
        table.write_text("\n".join(table.read_text().splitlines()[:-1]) + "\n")
        assert nza.run(folder.is_whole())
        assert not nza.run(folder.is_whole(edited=False))


# -- what can't be read ------------------------------------------------------------------------


def newer(path: Path) -> None:
    manifest = path / "run.json"
    facts = json.loads(manifest.read_text("utf-8"))
    manifest.write_text(json.dumps({**facts, "schema_version": 99}), "utf-8")


def truncated(path: Path) -> None:
    file = max(path.glob("*-*.*"), key=lambda each: each.stat().st_size) if path.is_dir() else path
    file.write_bytes(file.read_bytes()[:-9])


def hidden(path: Path) -> None:
    path.rename(path.with_name(f"away {path.name}"))


DAMAGES: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "newer alignment": ("alignment", newer, "newer version"),
    "damaged alignment": ("alignment", truncated, "damaged"),
    "missing alignment": ("alignment", hidden, "There is no alignment"),
    "damaged traces": ("traces", truncated, "damaged"),
    "newer z-shift": ("zshift", newer, "newer version"),
    "damaged mask": ("mask", truncated, "damaged"),
    "missing mask": ("mask", hidden, "is missing"),
    "missing ROIs": ("rois", hidden, "There is no ROI file"),
}


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("name", DAMAGES)
def test_one_that_cant_be_read_is_reported_and_kept(name: str, tmp_path: Path) -> None:
    project = whole(tmp_path)
    path = project.save(tmp_path / "larva")
    stem, damage, words = DAMAGES[name]
    for member in sorted(path.glob(f"{stem}-*")):
        copy = shutil.copytree(path, tmp_path / "copy.zproject")
        damage(copy / member.name)
        loaded = nza.load(copy)
        assert [words in remark for remark in loaded.remarks] == [True]
        assert len(loaded.unread) == 1
        loaded.replace(view={"frame": 9}).save(copy)
        moved = loaded.save(tmp_path / "other")
        for folder in (copy, moved):
            again = nza.load(folder)
            assert len(again.unread) == 1, "it is still listed"
            restored = folder / member.name
            shutil.rmtree(restored) if restored.is_dir() else restored.unlink(missing_ok=True)
            (shutil.copytree if member.is_dir() else shutil.copy)(member, restored)
            back = all_of(nza.load(folder)) | {"view": None}
            assert sorted_items(back) == sorted_items(all_of(project) | {"view": None})
        shutil.rmtree(copy)
        shutil.rmtree(moved)


def sorted_items(found: dict[str, object]) -> dict[str, object]:
    """Items that were put back stand last."""
    return {key: sorted(map(str, v)) if isinstance(v, list) else v for key, v in found.items()}


def test_a_raw_file_that_is_gone(project: Project, saved: Path, tmp_path: Path) -> None:
    (tmp_path / "a.npy").rename(tmp_path / "away.npy")
    loaded = nza.load(saved)
    assert all_of(loaded) == all_of(project)
    gone = [isinstance(stack.source, MissingSource) for stack in loaded.recordings]
    assert gone == [False, True]
    assert ["is not at" in remark for remark in loaded.remarks] == [True]
    loaded.replace(view={}).save(saved)
    (tmp_path / "away.npy").rename(tmp_path / "a.npy")
    assert nza.load(saved).recordings[1].read(0, 6).any()


def test_a_raw_file_with_other_frames(saved: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", stack_of("a").read(0, 6)[:, 0] + 1)
    loaded = nza.load(saved)
    assert loaded.recordings[1].read(0, 1).any()
    assert any("have changed since the project" in remark for remark in loaded.remarks)
    np.save(tmp_path / "a.npy", np.ones((3, 4, 4), np.uint8))
    assert any("its shape was" in remark for remark in nza.load(saved).remarks)


def test_a_stack_in_memory_is_remarked_on(tmp_path: Path) -> None:
    project = Project(stacks=(stack_of("array"),), runs=(nza.NamedRun("run", recording(1)),))
    with nza.ProjectFolder(tmp_path / "p") as folder:
        result = nza.run(folder.save(project))
    assert ["in memory only" in remark for remark in result.remarks] == [True]
    loaded = nza.load(tmp_path / "p.zproject")
    assert described(loaded.stacks[0]) == described(project.stacks[0])
    assert len(loaded.runs) == 1
    assert any("in memory only" in remark for remark in loaded.remarks)


def test_parameters_of_another_version(project: Project, saved: Path) -> None:
    rewrite(saved, '"alpha": 7.0', '"alpha": 7.0, "beta": 3.0')
    rewrite(saved, '"model": "BlobParams"', '"model": "NewParams"')
    for _ in range(2):
        loaded = nza.load(saved)
        assert loaded.params == {"Align": nza.AdaptiveParams(alpha=7)}
        assert len(loaded.remarks) == 2
        loaded.replace(view={"frame": _}).save(saved)
    text = (saved / "project.json").read_text("utf-8")
    assert '"beta": 3.0' in text
    assert '"dog"' in text


def rewrite(folder: Path, old: str, new: str) -> None:
    """Change the text of project.json as a program of another version would have written it."""
    from napari_zstack_align.saved.manifest import _checksum

    path = folder / "project.json"
    facts = json.loads(path.read_text("utf-8").replace(old, new))
    facts["checksum"] = _checksum(facts)
    path.write_text(json.dumps(facts, indent=2, ensure_ascii=False), "utf-8")


def test_a_table_of_rois_that_was_edited(saved: Path) -> None:
    table = next(saved.glob("rois-*"))
    table.write_text("\n".join(table.read_text().splitlines()[:-1]) + "\n")
    loaded = nza.load(saved)
    assert ["has changed since" in remark for remark in loaded.remarks] == [True]
    assert sorted(len(each) for each in loaded.rois.values()) == [4, 5]


@pytest.mark.parametrize("text", ["", "{}", '{"schema_version": 99}', '{"schema_version": 1}'])
def test_a_project_json_that_cant_be_read_is_never_replaced(
    text: str, project: Project, saved: Path
) -> None:
    (saved / "project.json").write_text(text)
    before = files_in(saved)
    with pytest.raises(nza.InputError):
        nza.load(saved)
    with pytest.raises(nza.InputError):
        project.save(saved)
    assert files_in(saved) == before


# -- several programs --------------------------------------------------------------------------


def test_two_programs_on_one_project(project: Project, saved: Path) -> None:
    with nza.ProjectFolder(saved) as folder:
        for other in (lambda: nza.ProjectFolder(saved), lambda: project.save(saved)):
            with pytest.raises(nza.InputError, match="open in another program"):
                other()
        assert all_of(nza.load(saved)) == all_of(project), "reading needs no lock"
        loaded = nza.run(folder.load())
        nza.run(folder.save(loaded.replace(view={"frame": 8})))
    assert nza.load(saved).view == {"frame": 8}
    with pytest.raises(nza.InputError, match="saved by another program since"):
        project.save(saved)


def test_another_project_is_replaced_only_where_asked(project: Project, saved: Path) -> None:
    other = Project(view={"tab": "Load"})
    with pytest.raises(nza.InputError, match="holds another project"):
        other.save(saved, overwrite=False)
    assert other.save(saved) == saved
    assert [path.name for path in saved.iterdir()] == ["project.json"]
    for taken in ("run.zalign", "notes"):
        path = saved.parent / f"{taken}.zproject"
        path.mkdir()
        (path / "mine.txt").write_text("mine")
        with pytest.raises(nza.InputError, match="choose another name"):
            project.save(path)
        assert (path / "mine.txt").read_text() == "mine"


def test_closing_the_job_leaves_the_old_project(project: Project, saved: Path) -> None:
    before = files_in(saved)
    changed = project.replace(rois={"a": rois(7), "b": rois(8)}, view={})
    with nza.ProjectFolder(saved) as folder:
        job = folder.save(changed)
        for progress in job:
            if progress.done == progress.total:
                job.close()
                break
    assert files_in(saved) == before


def test_an_empty_folder_goes(tmp_path: Path) -> None:
    with nza.ProjectFolder(tmp_path / "new") as folder:
        assert repr(nza.run(folder.load())) == "<Project: nothing yet>"
    assert not list(tmp_path.iterdir())


def test_names_are_unique_and_views_plain() -> None:
    mask = nza.NamedMask("m", np.ones((2, 2)))
    with pytest.raises(nza.InputError, match="two masks"):
        Project(masks=(mask, mask))
    with pytest.raises(nza.InputError, match="plain values"):
        Project(view={"a": object()})
    with pytest.raises(nza.InputError, match="no result"):
        nza.NamedRun("r", ())
    with pytest.raises(nza.InputError, match="must be an image"):
        nza.NamedMask("m", np.ones(3))


def test_a_mask_is_a_copy() -> None:
    labels = np.ones((2, 2))
    mask = nza.NamedMask("m", labels)
    labels[:] = 5
    assert mask.labels.max() == 1


def test_summary_and_info(project: Project, saved: Path, capsys) -> None:
    text = project.summary()
    for part in ("1 stack, 2 recordings, 3 masks, 3 runs, 2 sets of ROIs, 1 set of traces",
                 "my larva", "second (", "unfinished, in view", "z-shift of my a"):  # fmt: skip
        assert part in text
    assert main(["info", str(saved)]) == 0
    assert "holds a project" in capsys.readouterr().out
    assert main(["info", "--json", str(saved)]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "project"
    for command in (["view"], ["adaptive"], ["export", "--to", "x.tif"], ["blobs"], ["traces"]):
        assert main([command[0], str(saved), *command[1:]]) == 2


# -- killed ------------------------------------------------------------------------------------


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("first", [False, True])
def test_killed_at_any_moment(first: bool, tmp_path: Path) -> None:
    project = whole(tmp_path)
    changed = project.replace(
        runs=(*project.runs[1:], nza.NamedRun("third", project.runs[0].results)),
        masks=(nza.NamedMask("brain", np.ones(SHAPE, bool)),), rois={"cells": rois(5)},
        traces={"green": traces(4, "a")}, view={"frame": 1},
    )  # fmt: skip
    path = tmp_path / "larva.zproject"
    outcomes = []
    for moment in range(1, 2000, stride(23)):
        shutil.rmtree(path, ignore_errors=True)
        old = None if first else all_of(project)
        if not first:
            project.save(path)
        if not killed_at(moment, path, partial(changed.save, path)):
            break
        if first and not (path / "project.json").exists():
            found = None
        else:
            loaded = nza.load(path)
            assert not loaded.remarks
            found = all_of(loaded)
        assert found in (old, all_of(changed)), "a mixture"
        outcomes.append(found == all_of(changed))
        base = Project() if found is None else nza.load(path)
        changed.replace(home=base.home).save(path)
        assert all_of(nza.load(path)) == all_of(changed)
        assert {each.name for each in path.iterdir()} == {"project.json", *listed(path)}
    else:
        pytest.fail("the save never ends")
    assert outcomes == sorted(outcomes)
    assert set(outcomes) == {False, True}
