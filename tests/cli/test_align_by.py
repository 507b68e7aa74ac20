"""``--align-by``: a channel by number or name, or all."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.cli.main import main


@pytest.fixture(scope="module")
def two_channels(sample, tmp_path_factory):
    path = tmp_path_factory.mktemp("two") / "two.tif"
    frames = sample.stack.read(0, 12)[:, 0, :64, :64]
    tifffile.imwrite(path, np.stack([frames, frames[:, ::-1]], 1), metadata={"axes": "TCYX"})
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("which", "channel", "weights"),
    [("1", 1, ()), ("channel 1", 1, ()), ("all", 0, (1.0, 1.0)), ("0", 0, ())],
)
def test_it_stands_in_the_parameters(two_channels, tmp_path, which, channel, weights):
    out = tmp_path / "r.zalign"
    flags = ["--frames-per-slice=4", f"--out={out}", f"--align-by={which}"]
    assert main(["adaptive", str(two_channels), *flags]) == 0
    params = nza.load_alignment(out).params
    assert (params.channel, params.channel_weights) == (channel, weights)


@pytest.mark.parametrize("command", ["adaptive", "keypoints"])
def test_what_is_no_channel_is_refused(two_channels, tmp_path, capsys, command):
    flags = ["--align-by=blue", f"--out={tmp_path / 'r'}"]
    assert main([command, str(two_channels), *flags]) == 2
    said = capsys.readouterr().err
    assert "no channel 'blue' to align by: there are 0 (channel 0), 1 (channel 1), or 'all'" in said


def test_two_flags_for_one_choice_are_refused(two_channels, capsys):
    assert main(["adaptive", str(two_channels), "--align-by=1", "--channel=0"]) == 2
    assert "Give --align-by or --channel, not both." in capsys.readouterr().err


def test_in_python():
    params = nza.AdaptiveParams(channel_weights=(0.3, 0.7))
    names = ("green", "red")
    assert params.aligned_by("red", names) == nza.AdaptiveParams(channel=1)
    assert params.aligned_by(0, names) == nza.AdaptiveParams()
    assert params.aligned_by("all", names).channel_weights == (1.0, 1.0)
    assert params.aligned_by("all", ("green",)).channel_weights == ()
    for wrong in (2, -1, "blue", True):
        with pytest.raises(nza.InputError, match="to align by"):
            params.aligned_by(wrong, names)
