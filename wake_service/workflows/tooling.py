"""Pictures that the tooling node pack of a Krita plugin keeps in its memory: here they are files of their artist.

Its client sends a picture under an id (`PUT /etn/image/ID`) and names the id in a graph; a result is named by an id that the
engine chose, and fetched by it. On a machine that just woke neither is there, so they travel with the graph.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from wake_service.files.model import FileName
from wake_service.workflows.model import Graph

#: The class that loads such a picture, and its input with the id.
LOADER, LOADER_INPUT = "ETN_LoadImageCache", "id"
#: The class that makes one; what it tells of each has this `source`, and an `id`.
SAVER, SOURCE = "ETN_SaveImageCache", "http"
#: Before ids among the names of files that a workflow starts from.
KEY = "etn:"
_SUBFOLDER = "etn"
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


def image_name(image_id: object) -> FileName | None:
    """The file that an id stands for; None for what cannot be an id."""
    if not isinstance(image_id, str) or not _ID.fullmatch(image_id):
        return None
    return FileName("temp", _SUBFOLDER, image_id)


def images_named(graph: Graph) -> Iterator[tuple[str, str]]:
    """The pictures that a graph loads: (node id, id of the picture)."""
    for node_id, node in graph.items():
        image_id = node["inputs"].get(LOADER_INPUT) if node["class_type"] == LOADER else None
        if isinstance(image_id, str):
            yield node_id, image_id


def with_images(graph: Graph, brought: Mapping[str, str]) -> Graph:
    """The graph with the ids that an engine knows (`brought`, by KEY and the client's id)."""
    changed = {}
    for node_id, image_id in images_named(graph):
        if (there := brought.get(KEY + image_id)) is not None:
            node = graph[node_id]
            changed[node_id] = {**node, "inputs": {**node["inputs"], LOADER_INPUT: there}}
    return {**graph, **changed}


def images_made(output: Any) -> Iterator[dict[str, Any]]:
    """What names such a picture in one node's output; the very objects."""
    for items in output.values() if isinstance(output, dict) else ():
        for item in items if isinstance(items, list) else ():
            if isinstance(item, dict) and item.get("source") == SOURCE and image_name(item.get("id")) is not None:
                yield item


def media_type_of(item: Mapping[str, Any]) -> str:
    """What the node says that it is."""
    said = item.get("content-type")
    return said if said in ("image/png", "image/jpeg", "image/webp") else "application/octet-stream"
