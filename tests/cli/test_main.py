"""Exit codes, and errors as one sentence."""

import subprocess
import sys
from pathlib import Path

import pytest

import napari_zstack_align
from napari_zstack_align.cli import info
from napari_zstack_align.cli.main import COMMANDS, main
from napari_zstack_align.errors import AlignmentError, Cancelled, InputError

NAMES = list(COMMANDS)


@pytest.mark.parametrize("arguments", [[], *([name] for name in NAMES)], ids=str)
def test_help(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*arguments, "--help"])
    assert stopped.value.code == 0
    assert "usage: zstack-align" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["fly"]], ids=str)
def test_no_command_is_loaded_before_it_is_chosen(arguments):
    code = (
        "import atexit, sys\n"
        "from napari_zstack_align.cli.main import main\n"
        "atexit.register(lambda: print('loaded', *sys.modules))\n"
        f"main({arguments!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.rpartition("loaded ")[2].split()
    assert "napari_zstack_align.cli.main" in loaded
    assert not [name for name in loaded if name in ("numpy", "pydantic", "dask")]
    assert not [name for name in NAMES if f"napari_zstack_align.cli.{name}" in loaded]


def test_flags_may_stand_before_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["--verbose", "info", "no.tif"]) == 2
    assert "no.tif" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "required: COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
        (["adaptive"], "required: FILE"),
        (["adaptive", "no.tif"], "no.tif"),
        (["adaptive", "no.tif", "-o", "x"], "unrecognized arguments: -o x (see zstack-align adap"),
        (["adaptive", "no.tif", "--alpha", "wide"], "--alpha: 'wide' is not a number (see"),
        (["adaptive", "no.tif", "--alpha", "0"], "alpha should be greater than or equal to 0.01"),
        (["adaptive", "no.tif", "--params", "no.json"], "There is no parameter file no.json"),
        (["info", "no.tif", "--pixel-size", "1,2,3"], "'1,2,3' is not one number or two"),
        (["info", "no.tif", "--pixel-size", "1,5"], "decimal point: write 1.5 or 1.0,5.0 (see"),
        (["info", "no.tif", "--pixel-size", "2,2"], "decimal point: write 2.2 or 2.0,2.0 (see"),
        (["info", "no.tif", "--pixel-size", "0,8"], "decimal point: write 0.8 (see"),
        (["info", "no.tif", "--pixel-size", "0,8,0,5"], "decimal point: write 0.8,0.5 (see"),
        (["info", "no.tif", "--z-step", "0,8"], "--z-step: '0,8' is not a number: write 0.8 (see"),
        (["zshift", "no.tif", "--z-step", "1,5"], "'1,5' is not a number: write 1.5 (see"),
        (["keypoints", "no.tif", "--frame-rate", "9,5"], "'9,5' is not a number: write 9.5 (see"),
        (["keypoints", "a.tif", "--c-dog", "0,01"], "'0,01' is not a number: write 0.01 (see"),
        (["keypoints", "a.tif", "--intensity-range", "1,5", "9"], "not a number: write 1.5 (see"),
        (["adaptive", "a.tif", "--between-slices", "0,5"], "none of 'auto', 'follow', 'stiff', "),
        (["traces", "a.tif", "--dark-level", "99,5", "--rois=r.csv"], "number: write 99.5 (see"),
        (["export", "no.zalign", "--out", "a.ome.tif"], "There is no alignment no.zalign"),
        (["view", "no.tif"], "no.tif"),
    ],
    ids=" ".join,
)
def test_bad_input_is_one_sentence_and_2(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.startswith("zstack-align: ")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (InputError("The file is odd."), 2, "The file is odd."),
        (AlignmentError("Nothing fits."), 1, "Nothing fits."),
        (
            Cancelled(),
            1,
            "Cancelled: nothing was written; the same command again starts from the beginning.",
        ),
        (
            KeyboardInterrupt(),
            1,
            "Cancelled: nothing of an unfinished run is kept; the same command again starts from "
            "the beginning.",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_exit_codes(error, code, said, capsys, monkeypatch):
    def fail(args):
        raise error

    monkeypatch.setattr(info, "run_info", fail)
    assert main(["info", "some.tif"]) == code
    assert capsys.readouterr().err == f"zstack-align: {said}\n"


@pytest.mark.parametrize(
    "command",
    [
        pytest.param([str(Path(sys.executable).with_name("zstack-align"))], id="script"),
        pytest.param([sys.executable, "-m", "napari_zstack_align.cli.main"], id="module"),
    ],
)
def test_the_installed_program(command):
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"zstack-align {napari_zstack_align.__version__}\n"
    failed = subprocess.run([*command, "info", "no.tif"], capture_output=True, text=True)
    assert failed.returncode == 2
    assert "Traceback" not in failed.stderr


@pytest.mark.slow
@pytest.mark.thorough
def test_no_command_but_view_needs_napari_or_qt():
    names = [f"napari_zstack_align.cli.{name}" for name in NAMES]
    code = (
        f"import sys, {', '.join(names)}\n"
        "print(*{'napari', 'qtpy', 'magicgui', 'PyQt6', 'PySide6'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
