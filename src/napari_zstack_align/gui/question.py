"""A question with the answers as verbs on its buttons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qtpy.QtWidgets import QMessageBox, QWidget

SAVE = QMessageBox.ButtonRole.AcceptRole
DESTRUCTIVE = QMessageBox.ButtonRole.DestructiveRole
STAY = QMessageBox.ButtonRole.RejectRole


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
    return choice(parent, title, question, {yes: DESTRUCTIVE, no: STAY}) == yes


def choice(parent: QWidget | None, title: str, question: str, answers: Mapping[str, Any]) -> str:
    """Ask, and return the chosen one of the answers, which have roles of Qt's.

    Enter, Escape and a question that is taken away choose the last.
    """
    box = QMessageBox(QMessageBox.Icon.Warning, title, question, parent=parent)
    buttons = {answer: box.addButton(answer, role) for answer, role in answers.items()}
    last = list(buttons.values())[-1]
    box.setDefaultButton(last)
    box.setEscapeButton(last)
    box.exec()
    clicked = box.clickedButton()
    chosen = (answer for answer, button in buttons.items() if button is clicked)
    return next(chosen, list(answers)[-1])
