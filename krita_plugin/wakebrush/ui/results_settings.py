"""The settings about results, for the settings dialog."""

from __future__ import annotations

from ..i18n import tr
from ..qt import QtWidgets
from ..session.settings import PaintSettings
from .switches import Switches

#: What a file may grow by for its results, in MiB: none at all, up to what makes every save slow.
_MOST_MEGABYTES = 64


class ResultsSettings(Switches):
    """Where results go by themselves, and how much of them a file keeps."""

    def __init__(self, settings: PaintSettings) -> None:
        super().__init__(
            settings,
            (
                (
                    "apply_at_once",
                    tr("Place results as layers at once"),
                    tr("Otherwise they are shown over the canvas first, and Enter applies the one you like."),
                ),
                (
                    "previews_on_canvas",
                    tr("Show pictures in the making over the canvas"),
                    tr("In their place, as they grow. Otherwise only the docker shows them."),
                ),
            ),
        )
        self._room = QtWidgets.QSpinBox()
        self._room.setObjectName("history_megabytes")
        self._room.setRange(0, _MOST_MEGABYTES)
        self._room.setSuffix(tr(" MiB"))
        self._room.setToolTip(tr("Your file keeps its results up to this size; starred ones stay the longest"))
        self._room.setValue(settings.history_megabytes)
        self._room.valueChanged.connect(lambda value: setattr(settings, "history_megabytes", value))
        row = QtWidgets.QHBoxLayout()
        row.addWidget(QtWidgets.QLabel(tr("Results in the file")))
        row.addWidget(self._room)
        row.addStretch(1)
        self.column.addLayout(row)
        settings.changed.connect(self._show_room)

    def _show_room(self, name: str) -> None:
        if name == "history_megabytes":
            self._room.setValue(self.settings.history_megabytes)
