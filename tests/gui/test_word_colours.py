"""Words with a meaning are readable in napari's dark and light themes."""

import pytest
from napari.utils.theme import get_theme
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QLabel, QWidget

from napari_zstack_align.gui.word_colours import colour_of, give_meaning, use_theme


def luminance(name):
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
             for c in QColor(name).getRgbF()[:3]]  # fmt: skip
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.fixture
def words(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    yield QLabel("Something is wrong.", window)
    use_theme("dark", window)


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("meaning", ["error", "go", "no go", "odd"])
def test_words_stand_out_from_the_ground_of_a_theme(words, theme, meaning):
    give_meaning(words, meaning)
    use_theme(theme, words.parent())
    assert colour_of(meaning) in words.styleSheet()
    pair = luminance(colour_of(meaning)), luminance(get_theme(theme).background.as_hex())
    assert (max(pair) + 0.05) / (min(pair) + 0.05) > 4.5  # as WCAG asks for text
