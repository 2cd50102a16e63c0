"""Reads everything of an engine that can be answered later, while it sleeps."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, unquote

import aiohttp
import orjson
from yarl import URL

from wake_service.clock import Clock
from wake_service.comfy.client import EngineClient, named
from wake_service.errors import EngineError, EngineUnreachable

from . import tooling
from .links import links, routes_asked, with_relative_imports
from .model import ANSWER_BYTES, Copy, Entry, copy_key, is_script, may_be_kept
from .shelf import Shelf

log = logging.getLogger(__name__)

T = TypeVar("T")

#: What an engine says of itself, of its models and of its node packs. Absence is an answer, too: not all have all.
FACTS = (
    "/system_stats",
    "/object_info",
    "/features",
    "/models",
    "/embeddings",
    "/extensions",
    "/i18n",
    "/workflow_templates",
    "/global_subgraphs",
    "/node_replacements",
    "/experiment/models",
    tooling.LANGUAGES,
)
#: Without these there is no copy.
_NEEDED = ("/system_stats", "/object_info")
#: Where the web page begins, and what only node packs ask it for.
PAGE = "/"
_SCRIPTS = ("app", "api", "ui", "widgets", "utils", "domWidget", "pnginfo", "clipspace", "defaultGraph", "changeTracker")
PAGE_FILES = (PAGE, "/user.css", "/assets/sorted-custom-node-map.json", *(f"/scripts/{name}.js" for name in _SCRIPTS))
EXTENSIONS, BUILT_IN = "/extensions/", "/extensions/core/"
TEMPLATES, TEMPLATE_LOGOS = "/templates/index.json", "/templates/index_logo.json"
_ABSENT = frozenset({404, 405})


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a reading goes: files, their bytes, seconds spent on requests, requests at once,
    the deadline of one, and bytes of one file."""

    files: int = 20_000
    bytes: int = 512 * 1024 * 1024
    seconds: float = 900.0
    at_once: int = 4
    answer_seconds: float = 60.0
    file_bytes: int = 64 * 1024 * 1024


async def no_rest() -> None:
    """For engines that have nothing else to do."""


class Crawl:
    """One reading of one engine. `known` is the copy that is there already: what has not changed since is not read again.

    `rest` is awaited before each request, for as long as the engine has better things to do. With `ask_packs`, what scripts of
    node packs ask for when the page opens is asked, too.
    """

    def __init__(
        self,
        engine: EngineClient,
        shelf: Shelf,
        clock: Clock,
        known: Copy | None = None,
        *,
        limits: Limits | None = None,
        ask_packs: bool = True,
        rest: Callable[[], Awaitable[None]] = no_rest,
    ) -> None:
        self._engine = engine
        self._shelf = shelf
        self._clock = clock
        self._known = known.entries if known else {}
        self._known_key = known.key if known else ""
        self._limits = limits or Limits()
        self._ask_packs = ask_packs
        self._routes: set[str] = set()
        self._rest = rest
        self._room = asyncio.Semaphore(self._limits.at_once)
        #: What was read so far.
        self.entries: dict[str, Entry] = {}
        self._bytes = 0
        self._seconds = 0.0
        self._full = False

    async def run(self) -> Copy:
        """The copy, whose files are on the shelf. Raises EngineError when it could not be read to the end, or OSError."""
        said = await self._facts()
        page = await self._file(PAGE)
        packs = _paths(said.get("/extensions"))
        key = copy_key(said["/system_stats"], said["/object_info"], sorted(packs), page)
        await self._follow(packs)
        await _all(map(self._told_by_pack, sorted(self._routes - said.keys())))
        if key == self._known_key:
            self.entries = {**self._known, **self.entries}
        else:
            await self._follow(PAGE_FILES)
            await self._follow(await self._shown_later(said))
        if self._full:
            log.warning("The web page of the engine at %s is too large to be kept whole", self._engine.base_url)
        return Copy(key, self._clock.now(), self.entries)

    async def _facts(self) -> dict[str, Any]:
        """Reads what the engine says; what it said, by path."""
        said: dict[str, Any] = {path: await self._fact(path) for path in FACTS}
        for path in _NEEDED:
            if not isinstance(said[path], dict):
                raise EngineError(f"What answers at {self._engine.base_url} is no engine that can be copied: {path} is missing.")
        more = [f"/models/{name}" for name in _names(said["/models"])]
        more += [f"/experiment/models/{name}" for name in _names(said["/experiment/models"])]
        more += [f"/global_subgraphs/{name}" for name in _names(said["/global_subgraphs"])]
        await _all(map(self._fact, more))
        if said[tooling.LANGUAGES] is not None:
            for folder in tooling.FOLDERS:
                await self._model_info(folder)
        return said

    async def _fact(self, path: str) -> Any:
        """An answer in JSON; None where there is none. That there is none is kept, too."""
        url = tooling.PREFIX + path if path.startswith(tooling.ROUTES) else path
        status, media_type, data, _ = await self._get(url, None, ANSWER_BYTES)
        if status in _ABSENT:
            self.entries[path] = await self._keep(b"", self._entry("text/plain", status=404))
        said = _json(data) if status == 200 else None
        if said is not None:
            self.entries[path] = await self._keep(data, self._entry(media_type))
        elif status not in _ABSENT and path in self._known:
            self.entries[path] = self._known[path]  # it stumbled over it just now
        return said

    async def _model_info(self, folder: str) -> None:
        """What the tooling nodes say of the models in a folder, which they do in parts."""

        async def part(path: str) -> Any:
            status, _, data, _ = await self._get(tooling.PREFIX + path, None, ANSWER_BYTES)
            return _json(data) if status == 200 else None

        info = await tooling.read_model_info(folder, part)
        if info is not None:
            kept = await self._keep(orjson.dumps(info), self._entry("application/json"))
            self.entries[tooling.model_info_path(folder)] = kept

    async def _follow(self, paths: Iterable[str]) -> None:
        """Reads these files, and those that they name, and so on."""
        todo = set(paths)
        seen: set[str] = set()
        while todo and not self._full:
            seen |= todo
            named_by_them = await _all(map(self._linked, sorted(todo)))
            todo = {path for each in named_by_them for path in each} - seen - self.entries.keys()

    async def _linked(self, path: str) -> set[str]:
        data = await self._file(path)
        entry = self.entries.get(path)
        if not data or entry is None or not _is_followed(entry.media_type):
            return set()
        text = data.decode(errors="replace")
        if self._ask_packs and path.startswith(EXTENSIONS) and not path.startswith(BUILT_IN):
            self._routes |= routes_asked(text)
        return await asyncio.to_thread(lambda: set(links(text, path)))

    async def _told_by_pack(self, path: str) -> None:
        status, media_type, data, _ = await self._get(path, None, ANSWER_BYTES)
        if may_be_kept(status, media_type, len(data)):
            self.entries[path] = await self._keep(data, self._entry(media_type))

    async def _file(self, path: str) -> bytes:
        """Reads a file, unless it is the same as before; its bytes, none where there is no such file."""
        known = self._known.get(path)
        status, media_type, data, etag = await self._get(path, known.etag if known else None, self._limits.file_bytes)
        if status == 304 and known is not None:
            self.entries[path] = known
            return await asyncio.to_thread(self._shelf.read, known.sha256)
        if status != 200 or self._full:
            return b""
        self._bytes += len(data)
        self._full = self._bytes > self._limits.bytes or len(self.entries) >= self._limits.files
        self.entries[path] = await self._keep(as_served(data, path, media_type), self._entry(media_type, etag=etag))
        return data

    def _entry(self, media_type: str, *, status: int = 200, etag: str = "") -> Entry:
        """What is known of an answer before its bytes are on the shelf."""
        return Entry(status, media_type, "", 0, self._clock.now(), etag=etag)

    async def _keep(self, data: bytes, entry: Entry) -> Entry:
        return await asyncio.to_thread(self._shelf.put, data, entry)

    async def _get(self, path: str, etag: str | None, most: int) -> tuple[int, str, bytes, str]:
        """Status, media type, bytes and the engine's ETag. What is too large is as good as absent."""
        async with self._room:
            await self._rest()
            begun = self._clock.now()
            answer = await get(self._engine, path, etag=etag, most=most, seconds=self._limits.answer_seconds)
            self._seconds += self._clock.now() - begun
        if self._seconds > self._limits.seconds:
            raise EngineUnreachable(
                f"The engine at {self._engine.base_url} has taken {self._seconds:.0f} s to answer, and not all is read; "
                "what it answered before is kept."
            )
        return answer

    async def _shown_later(self, said: Mapping[str, Any]) -> list[str]:
        """Templates, and what explains the nodes."""
        templates = _templates(_json(await self._file(TEMPLATES)))
        return [TEMPLATE_LOGOS, *templates, *(f"/docs/{name}/en.md" for name in said["/object_info"])]


async def get(engine: EngineClient, path: str, *, etag: str | None, most: int, seconds: float) -> tuple[int, str, bytes, str]:
    """One answer of an engine: status, media type, bytes, and what the engine calls them. 413 and nothing if it is too large.

    Raises EngineUnreachable.
    """
    headers = {**engine.headers, **({"If-None-Match": etag} if etag else {})}
    timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=engine.timeouts.connect)
    try:
        async with engine.session.get(url_of(engine, path), headers=headers, allow_redirects=False, timeout=timeout) as answer:
            data = bytearray()
            async for piece in answer.content.iter_chunked(256 * 1024):
                data += piece
                if len(data) > most:
                    return 413, "", b"", ""
            media_type = answer.headers.get("Content-Type", "application/octet-stream")
            return answer.status, media_type, bytes(data), answer.headers.get("ETag", "")
    except (aiohttp.ClientError, OSError) as broken:
        raise EngineUnreachable(f"The engine at {engine.base_url} stopped answering: {named(broken)}.") from broken


def url_of(engine: EngineClient, path: str) -> URL:
    """The address of a decoded path, with its query if it has one."""
    place, mark, query = path.partition("?")
    return URL(f"{engine.base_url}{quote(place, safe='/')}{mark}{query}", encoded=True)


def as_served(data: bytes, path: str, media_type: str) -> bytes:
    """A file as the gateway serves it: scripts of node packs import by paths that hold below a prefix, too."""
    if not path.startswith(EXTENSIONS) or not is_script(media_type):
        return data
    return with_relative_imports(data.decode(errors="surrogateescape"), path).encode(errors="surrogateescape")


async def _all(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """What they give; when one fails the others do not go on."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _json(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None


def _is_followed(media_type: str) -> bool:
    return is_script(media_type) or media_type.startswith(("text/html", "text/css"))


def _paths(extensions: Any) -> set[str]:
    """The files that an engine lists as its extensions."""
    listed = extensions if isinstance(extensions, list) else []
    return {unquote(path) for path in listed if isinstance(path, str) and path.startswith(EXTENSIONS)}


def _names(said: Any) -> list[str]:
    """`["loras", …]`, `[{"name": "loras"}, …]` or `{"id": …}`."""
    found = [one.get("name") if isinstance(one, dict) else one for one in said] if isinstance(said, list | dict) else []
    return [name for name in found if isinstance(name, str) and name and "/" not in name and "?" not in name]


def _templates(index: Any) -> list[str]:
    """Files of the templates that an index lists by groups: the workflow of each, and its pictures."""
    groups = [group.get("templates") for group in index if isinstance(group, dict)] if isinstance(index, list) else []
    found = [one for group in groups if isinstance(group, list) for one in group if isinstance(one, dict)]
    named = [(one["name"], one.get("mediaSubtype") or "webp") for one in found if isinstance(one.get("name"), str)]
    return [f"/templates/{name}{rest}" for name, kind in named for rest in (".json", f"-1.{kind}", f"-2.{kind}")]
