"""Prompt, style, strength and seed belong to the document: they come and go with its tab."""

from __future__ import annotations

from typing import Any

from .settings import PaintSettings

#: What follows the tab, and what an empty field of it is.
FOLLOWING = ("prompt", "negative_prompt", "style", "strength", "seed")
#: What another document begins without; the rest it takes over from the one before.
_EMPTY_AT_FIRST = ("prompt", "negative_prompt", "seed")


class DocumentSettings:
    """Puts each document's values into the settings when it comes to the front, and keeps them when it leaves.

    Without a document the fields are nobody's: the first document that comes takes them over as they are.
    """

    def __init__(self, settings: PaintSettings) -> None:
        self._settings = settings
        self._kept: dict[str, dict[str, Any]] = {}
        self._front: str | None = None
        self._untouched: dict[str, Any] | None = None

    def follow(self, document_id: str | None) -> None:
        """This document is in front now; None: none is."""
        if document_id == self._front:
            return
        before, self._front = self._front, document_id
        if before is not None:
            self._kept[before] = self._now()
        if document_id is None:
            return
        if document_id in self._kept:
            self._show(self._kept[document_id])
        elif before is not None or self._kept:
            self._show({name: self._settings.default(name) for name in _EMPTY_AT_FIRST})
        self._untouched = self._now()

    def dump(self, document_id: str) -> dict[str, Any]:
        """What belongs to a document, to be kept with it; {} when it never was in front."""
        return self._now() if document_id == self._front else dict(self._kept.get(document_id, {}))

    def load(self, document_id: str, values: Any) -> None:
        """Takes what was kept with a document, whatever it is; she comes first if she has changed something meanwhile."""
        values = values if isinstance(values, dict) else {}
        fitting = {name: value for name, value in values.items() if name in FOLLOWING and self._fits(name, value)}
        if document_id != self._front:
            self._kept[document_id] = {**fitting, **self._kept.get(document_id, {})}
        elif self._now() == self._untouched:
            self._show(fitting)
            self._untouched = self._now()

    def forget_all_but(self, open_documents: set[str]) -> None:
        """Documents that are closed need no memory."""
        self._kept = {each: values for each, values in self._kept.items() if each in open_documents}

    def _now(self) -> dict[str, Any]:
        return {name: getattr(self._settings, name) for name in FOLLOWING}

    def _show(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            setattr(self._settings, name, value)

    def _fits(self, name: str, value: Any) -> bool:
        if not isinstance(value, type(self._settings.default(name))) or isinstance(value, bool):
            return False
        return name != "strength" or 1 <= value <= 100
