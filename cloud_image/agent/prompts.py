"""What the engine's `/queue` and `/history` say of its prompts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .graphs import models_of

MEDIA_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "svg": "image/svg+xml",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mkv": "video/x-matroska",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "opus": "audio/ogg",
    "glb": "model/gltf-binary",
    "json": "application/json",
    "txt": "text/plain",
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A prompt that runs or waits."""

    prompt_id: str
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """The engine's queue."""

    running: tuple[Waiting, ...] = ()
    pending: tuple[Waiting, ...] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """A file that a prompt left in the engine's output folder; `path` is below that folder."""

    name: str
    path: str

    @property
    def media_type(self) -> str:
        """By the end of its name."""
        return MEDIA_TYPES.get(self.name.rpartition(".")[2].lower(), "application/octet-stream")


@dataclass(frozen=True, slots=True)
class Finished:
    """A prompt that has run. `turn` tells two runs of one id apart; `finished_at` is None when the engine does not say when."""

    prompt_id: str
    turn: str
    succeeded: bool
    finished_at: float | None
    outputs: tuple[Output, ...]
    models: tuple[str, ...]


def read_work(said: Any) -> Work:
    """`/queue`. Raises ValueError for something else."""
    if not isinstance(said, Mapping):
        raise ValueError("the queue is no object")
    return Work(*(tuple(_waiting(row) for row in _list(said.get(name))) for name in ("queue_running", "queue_pending")))


def read_history(said: Any) -> list[Finished]:
    """`/history`, oldest first. Raises ValueError for something else."""
    if not isinstance(said, Mapping):
        raise ValueError("the history is no object")
    return [_finished(str(name), entry) for name, entry in said.items() if isinstance(entry, Mapping)]


def _waiting(row: Any) -> Waiting:
    """`[number, id, graph, ...]`."""
    if not isinstance(row, list) or len(row) < 3:
        raise ValueError("a prompt in the queue has no id and graph")
    return Waiting(str(row[1]), models_of(row[2]))


def _finished(prompt_id: str, entry: Mapping[str, Any]) -> Finished:
    status = entry.get("status")
    status = status if isinstance(status, Mapping) else {}
    prompt = _list(entry.get("prompt"))
    ended_at = _ended_at(status.get("messages"))
    return Finished(
        prompt_id=prompt_id,
        turn=f"{prompt[0] if prompt else ''}/{ended_at}",
        succeeded=status.get("status_str") == "success",
        finished_at=ended_at,
        outputs=tuple(_outputs(entry.get("outputs"))),
        models=models_of(prompt[2]) if len(prompt) > 2 else (),
    )


def _ended_at(messages: Any) -> float | None:
    """The moment of the last message, which the engine gives in milliseconds."""
    for message in reversed(_list(messages)):
        data = message[1] if isinstance(message, list) and len(message) == 2 else None
        at = data.get("timestamp") if isinstance(data, Mapping) else None
        if isinstance(at, int | float) and not isinstance(at, bool) and 0 <= at < 1e15:
            return at / 1000
    return None


def _outputs(nodes: Any) -> Iterator[Output]:
    """Files that stay (`type` "output"; previews are "temp"), once each, in the order in which the engine names them."""
    seen = set()
    for node in nodes.values() if isinstance(nodes, Mapping) else ():
        for kind in node.values() if isinstance(node, Mapping) else ():
            for file in kind if isinstance(kind, list) else ():
                if not isinstance(file, Mapping) or file.get("type") != "output":
                    continue
                name, folder = file.get("filename"), file.get("subfolder") or ""
                if not isinstance(name, str) or not isinstance(folder, str) or not name:
                    continue
                path = f"{folder}/{name}" if folder else name
                if path not in seen:
                    seen.add(path)
                    yield Output(name, path)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
