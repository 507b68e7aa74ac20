"""Open a folder of ROIs and traces with Suite2p's own loader, in an environment that has Suite2p.

usage: python check_suite2p_folder.py FOLDER [--window]

That environment is not this project's: Suite2p brings torch.

    python -m venv suite2p
    suite2p/bin/pip install "suite2p==1.1.0" PyQt6 pyqtgraph qtpy superqt rastermap
    zstack-align export TRACES --out FOLDER
    QT_QPA_PLATFORM=offscreen suite2p/bin/python scripts/check_suite2p_folder.py FOLDER --window
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np


def check(folder: Path) -> None:
    """Load as Suite2p's window does, and see that the parts fit and hold no NaN."""
    from suite2p.gui.io import load_files

    loaded = load_files(str(folder / "stat.npy"))
    if loaded is None:
        sys.exit(f"Suite2p refuses {folder}.")
    stat, ops, f, fneu, spks, iscell, _, _, _, _ = loaded
    n_rois, n_frames = f.shape
    assert fneu.shape == spks.shape == f.shape
    assert len(stat) == len(iscell) == n_rois
    assert ops["badframes"].shape == (n_frames,)
    assert all(np.isfinite(values).all() for values in (f, fneu, spks))
    for each in stat:
        assert each["ypix"].max() < ops["Ly"]
        assert each["xpix"].max() < ops["Lx"]
    print(
        f"Suite2p reads {n_rois} ROIs ({iscell.sum()} cells), {n_frames} frames "
        f"({ops['badframes'].sum()} bad)."
    )


def show(folder: Path) -> None:
    """Open Suite2p's window on the folder, look at other ROIs and colours, and take a picture."""
    from qtpy.QtWidgets import QApplication
    from suite2p.gui import gui2p

    app = QApplication([])
    window = gui2p.MainWindow(statfile=str(folder / "stat.npy"))
    assert window.loaded
    for colour in range(7):
        window.colorbtns.button(colour).press(window, colour)
    for view in range(3):
        window.viewbtns.button(view).press(window, view)
    for mode in range(4):
        window.mode_change(mode)
    app.processEvents()
    picture = folder.with_name(f"{folder.name}_suite2p.png")
    window.grab().save(str(picture))
    print(f"Suite2p's window shows it: {picture}")


def main() -> None:
    """Check the folder that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--window", action="store_true", help="open the window too")
    args = parser.parse_args()
    check(args.folder)
    if args.window:
        show(args.folder)


if __name__ == "__main__":
    main()
