"""What can be bound to keys in Krita's settings. The keys they come with are in wakebrush.action."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..i18n import later
from ..qt import QtWidgets
from ..session import Session
from .panel import Panel


@dataclass(frozen=True)
class Action:
    """`name` as in wakebrush.action; `text` is what Krita's menus and settings call it."""

    name: str
    text: str
    do: Callable[[Session, Panel | None], None]


def panel_in(window: QtWidgets.QMainWindow | None) -> Panel | None:
    """The docker's contents in one of Krita's windows."""
    return None if window is None else window.findChild(Panel)


def _write(session: Session, panel: Panel | None) -> None:
    """Shows the docker, also from behind another one, and puts the keys into its prompt."""
    if panel is None:
        return
    above = panel.parentWidget()
    while above is not None and not isinstance(above, QtWidgets.QDockWidget):
        above = above.parentWidget()
    if above is not None:
        above.show()
        above.raise_()
    panel.write()


ACTIONS = (
    Action("wakebrush_generate", later("Wakebrush: generate"), lambda session, _: session.generate()),
    Action("wakebrush_prompt", later("Wakebrush: write the prompt"), _write),
    Action("wakebrush_apply", later("Wakebrush: apply the result"), lambda session, _: session.results.apply()),
    Action("wakebrush_let_go", later("Wakebrush: let go of the result"), lambda session, _: session.results.let_go()),
    Action("wakebrush_next", later("Wakebrush: next result"), lambda session, _: session.results.step(1)),
    Action("wakebrush_previous", later("Wakebrush: previous result"), lambda session, _: session.results.step(-1)),
    Action("wakebrush_again", later("Wakebrush: again, like the active layer"), lambda session, _: session.results.again()),
    Action("wakebrush_cancel", later("Wakebrush: cancel"), lambda session, _: session.cancel()),
    Action("wakebrush_keep_awake", later("Wakebrush: keep the machine awake"), lambda session, _: session.desk.keep_awake()),
)
