"""A button with a menu of settings: the defaults, those of the last run, and one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QInputDialog, QMenu, QToolButton

from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.form import ParamsForm
from napari_zstack_align.gui.kept_settings import LAST, KeptSettings
from napari_zstack_align.gui.question import confirmed
from napari_zstack_align.params import Params

DEFAULTS, LAST_RUN = "Defaults", "As in the last run"
KEEP, REMOVE = "Keep these as …", "Remove"
TIP = (
    "<qt>Parameters of this tab that are kept: the defaults, those of the last run, and those that "
    "you keep under a name. Channels and what belongs to one data set stay as they are.</qt>"
)


class SettingsButton(QToolButton):
    """Puts kept parameters into a form, and keeps those that are there.

    Parameters
    ----------
    form : ParamsForm
        What is filled, and kept.
    model : type of Params
        Of the form.
    stay : iterable of str
        Fields that belong to the data, and are never exchanged.
    """

    said = Signal(str)
    """What was done."""
    refused = Signal(str)
    """Why something can't be done."""

    def __init__(self, form: ParamsForm[Any], model: type[Params], stay: Iterable[str]) -> None:
        super().__init__()
        self._form, self._stay = form, tuple(stay)
        self._model, self._kept = model, KeptSettings(model)
        self.setText("Settings ▾")
        self.setAccessibleName("Settings")
        self.setStyleSheet("QToolButton::menu-indicator { image: none; }")  # it lies over the text
        self.setToolTip(TIP)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self.fill)
        self.setMenu(self._menu)

    def fill(self) -> None:
        """Offer what is kept now."""
        self._menu.clear()
        self._add(self._menu, DEFAULTS, partial(self._put, DEFAULTS, self._model))
        last = self._add(self._menu, LAST_RUN, partial(self._put, LAST_RUN, self._of(LAST)))
        last.setEnabled(self._kept.has_last())
        names = self._kept.names()
        self._menu.addSeparator()
        for name in names:
            self._add(self._menu, _shown(name), partial(self._put, f"'{name}'", self._of(name)))
        self._menu.addSeparator()
        self._add(self._menu, KEEP, self._ask_name)
        if names:
            removing = self._menu.addMenu(REMOVE)
            for name in names:
                self._add(removing, _shown(name), partial(self._remove, name))

    def remember_run(self, params: Params) -> None:
        """A run begins with these: they are offered the next time."""
        try:
            self._kept.keep(LAST, params)
        except InputError as error:
            self.refused.emit(str(error))

    # -- inside --------------------------------------------------------------------------------

    def _add(self, menu: QMenu, text: str, do: Callable[[], object]) -> Any:
        action = menu.addAction(text)
        action.triggered.connect(lambda _=False: do())
        return action

    def _of(self, name: str) -> Callable[[], Params]:
        return lambda: self._kept.values(name)

    def _put(self, which: str, read: Callable[[], Params]) -> None:
        """Fill the form; what belongs to the data stays."""
        try:
            params = read()
        except InputError as error:
            self.refused.emit(f"The settings were not changed: {error}")
            return
        self._form.set_values(params, self._stay)
        self.said.emit(f"Settings: {which}.")

    def _ask_name(self) -> None:
        try:
            params = self._form.values()
        except InputError as error:
            self.refused.emit(f"These settings can't be kept: {error}")
            return
        name, chosen = QInputDialog.getText(self, "Keep the settings", "Name:")
        if chosen:
            self.keep(name.strip(), params)

    def keep(self, name: str, params: Params) -> None:
        """Keep parameters under a name; another one's place is asked for."""
        question = f"'{name}' is kept already. Put these settings in its place?"
        old = next((each for each in self._kept.names() if each.lower() == name.lower()), None)
        if old is not None and not confirmed(
            self, "Replace?", question, yes="Replace", no="Keep the old ones"
        ):
            return
        try:
            self._kept.keep(name, params)
        except InputError as error:
            self.refused.emit(str(error))
            return
        where = self._kept.folder / f"{name}.json"
        self.said.emit(f"Kept as '{name}' ({where}, which --params of the command line takes).")

    def _remove(self, name: str) -> None:
        question = f"Remove the settings '{name}'?"
        if not confirmed(self, "Remove?", question, yes="Remove", no="Keep them"):
            return
        try:
            self._kept.remove(name)
        except InputError as error:
            self.refused.emit(str(error))
            return
        self.said.emit(f"'{name}' was removed.")


def _shown(name: str) -> str:
    """Name in a menu, where '&' would underline a letter."""
    return name.replace("&", "&&")
