"""Krita's own messages upon the canvas; seen in canvas-only mode too."""

from __future__ import annotations

from krita import Krita

from ..qt import Qt
from . import views
from .base import Icon

SHOWN_MS = 2500
MEDIUM = 1
"""Krita's priorities are 0 high, 1 medium, 2 low; a message of the brush (its size, while it is dragged) is a low one."""
ICONS = {Icon.AWAKE: "dialog-information", Icon.DONE: "dialog-ok", Icon.ERROR: "dialog-warning"}
CANVAS_ONLY = "view_show_canvas_only"


def show(sentence: str, icon: Icon) -> None:
    """Nothing happens without a view."""
    view = views.in_front()
    if view is not None:
        view.showFloatingMessage(sentence, Krita.instance().icon(ICONS[icon]), SHOWN_MS, MEDIUM)


def only_canvas() -> bool:
    """Whether the window in front shows nothing but the canvas."""
    action = Krita.instance().action(CANVAS_ONLY)
    return action is not None and bool(action.isChecked())


def take_keys() -> None:
    """Gives the keyboard back to the canvas."""
    widget = views.canvas_widget()
    if widget is not None:
        widget.setFocus(Qt.FocusReason.OtherFocusReason)
