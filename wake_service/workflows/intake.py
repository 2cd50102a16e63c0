"""A graph on its way in: which files of its artist it starts from, and what is stored of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection

from wake_service.comfy.catalogue import Catalogue
from wake_service.files import records as files
from wake_service.files.model import BadName, parse
from wake_service.workflows import naming, tooling
from wake_service.workflows.luggage import Depot
from wake_service.workflows.model import SECRETS, Graph, GraphRefused, Submission, flaw, node_flaw
from wake_service.workflows.records import Stored


@dataclass(frozen=True, slots=True)
class Packed:
    """What is stored of a graph, what is not (`secrets`), and a digest that tells it from others."""

    stored: Stored
    secrets: dict[str, Any]
    digest: str


class Intake:
    """Takes graphs in."""

    def __init__(self, depot: Depot) -> None:
        self._depot = depot

    async def files_of(self, artist_id: str, pool: str, submission: Submission) -> dict[str, str]:
        """Checksums of the uploads that the graph names, by the names as written. Raises GraphRefused for files she has not."""
        catalogue = self._depot.catalogue(pool)
        naming.check_prefixes(submission.graph)
        named = list(naming.file_inputs(submission.graph, catalogue))
        images = list(tooling.images_named(submission.graph))
        if not named and not images:
            return {}
        written = {value for _, _, value in named}
        sent = {image_id for _, image_id in images}
        found = await self._depot.store.read(lambda conn: _find(conn, artist_id, written) | _find_images(conn, artist_id, sent))
        wrong = {}
        for node_id, image_id in images:
            if tooling.KEY + image_id not in found:
                details = f"{tooling.LOADER_INPUT} - Image with ID {image_id} not found"
                told = flaw(
                    "custom_validation_failed", "Custom validation failed for node", details, input_name=tooling.LOADER_INPUT
                )
                wrong[node_id] = node_flaw(tooling.LOADER, told)
        for node_id, name, value in named:
            if value not in found and not _on_machine(submission.graph, node_id, name, value, catalogue):
                details = f"{name} - Invalid image file: {value}"
                told = flaw("custom_validation_failed", "Custom validation failed for node", details, input_name=name)
                wrong[node_id] = node_flaw(submission.graph[node_id]["class_type"], told)
        if wrong:
            details = "\n".join(node["errors"][0]["details"] for node in wrong.values())
            raise GraphRefused("prompt_outputs_failed_validation", "Prompt outputs failed validation", details, wrong)
        return found

    def pack(self, job_id: str, artist_id: str, pool: str, submission: Submission, number: float) -> Packed:
        """What is stored of a graph."""
        graph = orjson.dumps(submission.graph)
        extra, secrets = _without_secrets(submission.extra)
        extra.setdefault("create_time", int(self._depot.clock.now() * 1000))
        if submission.client_id is not None:
            extra["client_id"] = submission.client_id
        stored = Stored(
            job_id=job_id,
            artist_id=artist_id,
            graph=graph,
            extra=orjson.dumps(extra).decode(),
            client_id=submission.client_id,
            number=number,
            targets=orjson.dumps(_targets(submission, self._depot.catalogue(pool))).decode(),
            labels=None if submission.labels is None else orjson.dumps(submission.labels).decode(),
        )
        digest = hashlib.sha256(graph)
        digest.update(orjson.dumps([submission.targets, submission.client_id]))
        return Packed(stored, secrets, digest.hexdigest())


def _find(conn: Connection, artist_id: str, written: set[str]) -> dict[str, str]:
    found = {}
    for value in written:
        try:
            name = parse(value)
        except BadName:
            continue
        file = files.find(conn, artist_id, name)
        if file is not None:
            found[value] = file.sha256
    return found


def _find_images(conn: Connection, artist_id: str, image_ids: set[str]) -> dict[str, str]:
    names = {image_id: tooling.image_name(image_id) for image_id in image_ids}
    found = {image_id: files.find(conn, artist_id, name) for image_id, name in names.items() if name is not None}
    return {tooling.KEY + image_id: file.sha256 for image_id, file in found.items() if file is not None}


def _on_machine(graph: Graph, node_id: str, name: str, value: str, catalogue: Catalogue | None) -> bool:
    """Whether it is a file that the machines themselves bring, and not one of ours there."""
    if catalogue is None or value.startswith(f"{naming.OURS}/"):
        return False
    return value in catalogue.choices(graph[node_id]["class_type"], name)


def _without_secrets(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    kept = {name: value for name, value in given.items() if name not in SECRETS}
    return kept, {name: given[name] for name in SECRETS if name in given}


def _targets(submission: Submission, catalogue: Catalogue | None) -> list[str]:
    """Ids of the output nodes that are to run, as far as can be known."""
    if catalogue is None:
        return list(submission.targets or ())
    classes = {node_id: catalogue.node(node["class_type"]) for node_id, node in submission.graph.items()}
    outputs = [node_id for node_id, found in classes.items() if found is not None and found.is_output]
    return [node_id for node_id in outputs if submission.targets is None or node_id in submission.targets]
