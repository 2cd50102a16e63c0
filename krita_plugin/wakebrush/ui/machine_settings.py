"""The settings about the machine and what it costs, for the settings dialog."""

from __future__ import annotations

from ..i18n import tr
from ..session.settings import PaintSettings
from .switches import Switches


class MachineSettings(Switches):
    """When it wakes by itself, and when its cost is shown."""

    def __init__(self, settings: PaintSettings) -> None:
        super().__init__(
            settings,
            (
                (
                    "wake_on_intent",
                    tr("Wake the machine when I begin to write or to select"),
                    tr("Saves the wait for the first picture. A wake for nothing costs as much as one that is needed."),
                ),
                (
                    "quiet_budget",
                    tr("Show what the month has cost only from 80 % on"),
                    tr("The budget itself holds all the same."),
                ),
            ),
        )
