"""A question with the answers as verbs on its buttons."""

from __future__ import annotations

from qtpy.QtWidgets import QMessageBox, QWidget


def confirmed(parent: QWidget | None, title: str, question: str, *, yes: str, no: str) -> bool:
    """Ask before something is lost; without an answer nothing is.

    Parameters
    ----------
    parent : QWidget or None
        Over which the question opens.
    title, question : str
        What is asked.
    yes, no : str
        What the buttons do, as verbs; Enter and Escape choose ``no``.

    Returns
    -------
    bool
        Whether ``yes`` was chosen.
    """
    box = QMessageBox(QMessageBox.Icon.Warning, title, question, parent=parent)
    chosen = box.addButton(yes, QMessageBox.ButtonRole.DestructiveRole)
    stay = box.addButton(no, QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(stay)
    box.setEscapeButton(stay)
    box.exec()
    return box.clickedButton() is chosen
