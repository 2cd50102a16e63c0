"""What is noted about layers, kept in the document: how ours were made, and which the model does not see.

Layers are named by their ids, which the file keeps. A note outlives its layer as long as the document is open, so that an
undone and redone result still has its recipe; in a file that is opened anew, only notes of layers that are there are kept.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from krita import Document

from . import annotation, nodes

KEY = "layers"


@dataclass
class Notes:
    """Of one document. `recipes`: by the layer's id."""

    recipes: dict[str, str] = field(default_factory=dict)
    unseen: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, document: Document) -> Notes:
        """As the file has them, without those of layers that are gone."""
        notes = parsed(annotation.read(document, KEY))
        if not notes.recipes and not notes.unseen:
            return notes
        there = {nodes.id_of(node) for node in nodes.every(document.rootNode())}
        return cls({layer: recipe for layer, recipe in notes.recipes.items() if layer in there}, notes.unseen & there)

    def made(self, document: Document) -> tuple[str, ...]:
        """The recipes of the layers that are there now: one that was undone may come back."""
        if not self.recipes:
            return ()
        there = map(nodes.id_of, nodes.every(document.rootNode()))
        return tuple(self.recipes[layer] for layer in there if layer in self.recipes)

    def keep(self, document: Document) -> None:
        """In the file from her next save on."""
        content = {"version": 1, "recipes": self.recipes, "unseen": sorted(self.unseen)}
        annotation.write(document, KEY, json.dumps(content, ensure_ascii=False).encode("utf-8"))


def parsed(content: bytes) -> Notes:
    """Nothing for what is missing or not ours."""
    try:
        value = json.loads(content) if content else {}
    except ValueError:
        value = {}
    recipes, unseen = (value.get("recipes"), value.get("unseen")) if isinstance(value, dict) else (None, None)
    return Notes(_texts(recipes), {each for each in unseen if isinstance(each, str)} if isinstance(unseen, list) else set())


def _texts(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {key: text for key, text in value.items() if isinstance(key, str) and isinstance(text, str)}
