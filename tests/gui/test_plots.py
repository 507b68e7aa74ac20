from __future__ import annotations

import numpy as np

from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.gui.plots import QualityPlot


def _table(n_known: int) -> np.ndarray:
    """40 frames of which so many are known; each correlates less, and moves more, than the last."""
    table = empty_table(40, "slice")
    for name, values in {
        "correlation_before": np.linspace(0.9, 0.1, 40),
        "correlation_after": np.linspace(0.99, 0.8, 40),
        "mean_displacement_px": np.linspace(0.5, 5, 40),
        "max_displacement_px": np.linspace(1, 12, 40),
    }.items():
        table[name][:n_known] = values[:n_known]
    table["used"], table["flag"][n_known:] = True, "not run"
    return table


def test_a_table_that_grows_is_shown_whole(qtbot):
    plot = QualityPlot()
    qtbot.addWidget(plot)
    plot.resize(500, 300)
    plot.show()
    for known in (4, 8, 40):
        plot.show_quality(_table(known))
        qtbot.wait(20)
    (low, high), (still, far) = (p.viewRange()[1] for p in plot.plots)
    assert low < 0.1 < 0.99 < high
    assert still < 0.5 < 12 < far
