"""A dialog for a name to save under, which doesn't walk into the folder that has this name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QDialog, QFileDialog, QLineEdit, QListView

IsTarget = Callable[[Path], bool]
"""Whether an existing folder is a result to replace, and not a place to look into."""


class SaveDialog(QFileDialog):
    """Qt's dialog, for results that are folders.

    Qt takes the name of a folder for the wish to look into it: an existing result could never be
    chosen, and the next one would be saved inside it. Being a class of its own, it is Qt's dialog
    on every system. About existing files it asks itself; about folders whoever opened it must.

    Parameters
    ----------
    parent : QWidget
        Over which the dialog opens.
    title, proposed, filters : str
        As in `QFileDialog.getSaveFileName`.
    is_target : callable
        Tells the folders that are results from those to look into.
    """

    def __init__(
        self, parent: Any, title: str, proposed: str, filters: str, is_target: IsTarget
    ) -> None:
        super().__init__(parent, title, "", filters)
        self._is_target = is_target
        self.setOption(QFileDialog.Option.DontUseNativeDialog)
        self.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        self.setFileMode(QFileDialog.FileMode.AnyFile)
        self.directoryEntered.connect(self._leave_target)
        self.currentChanged.connect(self._label_button)
        self._edit: Any = self.findChild(QLineEdit, "fileNameEdit")
        self._edit.textEdited.connect(self._deselect)
        self._edit.textChanged.connect(self._label_button)
        self.selectFile(proposed)

    @property
    def name(self) -> Path | None:
        """The typed or chosen name."""
        names = self.selectedFiles()
        return Path(names[0]) if names else None

    def accept(self) -> None:
        """Close with the typed name; Qt's way for all but results, which it would open."""
        if self._chose_target():
            QDialog.accept(self)
        else:
            super().accept()

    def _chose_target(self) -> bool:
        name = self.name
        return name is not None and self._takes(name)

    def _takes(self, path: Path) -> bool:
        return path.is_dir() and self._is_target(path)

    def _leave_target(self, folder: str) -> None:
        """A double click on a result chooses it."""
        path = Path(folder)
        if self._takes(path):
            self.setDirectory(str(path.parent))
            self._edit.setText(path.name)

    def _deselect(self, text: str) -> None:
        """What is typed counts, not what was selected in the list before."""
        if self.name is not None and self.name.name != text:
            view: Any = self.findChild(QListView, "listView")
            view.clearSelection()

    def _label_button(self, _: Any = None) -> None:
        """Over a folder Qt calls the button 'Open'."""
        if self._chose_target():
            self.setLabelText(QFileDialog.DialogLabel.Accept, "&Save")


def choose_name(
    parent: Any, title: str, proposed: str, filters: str, is_target: IsTarget | None
) -> tuple[str, str]:
    """Ask for a name; return it and the chosen filter, or two empty strings.

    Files are asked for with the dialog of the system; where results may be folders
    (``is_target``), with `SaveDialog`.
    """
    if is_target is None:
        name, chosen = QFileDialog.getSaveFileName(parent, title, proposed, filters)
        return name, chosen
    dialog = SaveDialog(parent, title, proposed, filters, is_target)
    accepted = dialog.exec() == QDialog.DialogCode.Accepted
    path, chosen = dialog.name, dialog.selectedNameFilter()
    dialog.deleteLater()
    return (str(path), chosen) if accepted and path is not None else ("", "")
