"""A form (multipart/form-data) read as it arrives: no part is ever held whole unless somebody asks for its text."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias
from urllib.parse import unquote

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from wake_service.gateway.refusals import Refusal

#: Parts of one form, and bytes of one that is read as text.
MOST_PARTS = 64
TEXT_BYTES = 65_536
_EXTENDED = re.compile(r";\s*filename\*\s*=\s*utf-8''([^;]+)", re.IGNORECASE)


class _Mark(Enum):
    PART_ENDS = auto()
    FORM_ENDS = auto()


_Headers: TypeAlias = dict[str, str]
_Event: TypeAlias = "_Headers | bytes | _Mark"


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its field's name, the file's name if it is a file, and its bytes, to be read before the next part."""

    name: str
    filename: str | None
    chunks: AsyncIterator[bytes]

    async def text(self) -> str:
        """All of it as text. Raises Refusal when it is long or none."""
        gathered = bytearray()
        async for chunk in self.chunks:
            gathered += chunk
            if len(gathered) > TEXT_BYTES:
                raise Refusal(400, f"The field {self.name[:40]!r} is longer than {TEXT_BYTES:,} bytes.")
        try:
            return gathered.decode()
        except UnicodeDecodeError as error:
            raise Refusal(400, f"The field {self.name[:40]!r} is no text in UTF-8.") from error


class Form:
    """A request's form. What breaks off or is malformed raises Refusal, wherever it is being read."""

    def __init__(self, request: Request) -> None:
        kind, options = parse_options_header(request.headers.get("content-type"))
        boundary = options.get(b"boundary", b"")
        if kind != b"multipart/form-data" or not boundary:
            raise Refusal(400, "A file is sent as a form, multipart/form-data, with a boundary.")
        self._body = request.stream()
        self._events: deque[_Event] = deque()
        self._headers: _Headers = {}
        self._name, self._value = bytearray(), bytearray()
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": lambda: self._headers.clear(),
                    "on_header_field": self._header_field,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_end,
                    "on_headers_finished": lambda: self._events.append(dict(self._headers)),
                    "on_part_data": lambda data, start, end: self._events.append(data[start:end]),
                    "on_part_end": lambda: self._events.append(_Mark.PART_ENDS),
                    "on_end": lambda: self._events.append(_Mark.FORM_ENDS),
                },
            )
        except FormParserError as error:
            raise _malformed(error) from error

    async def parts(self) -> AsyncGenerator[Part]:
        """The parts in their order; what was not read of one is passed over."""
        count = 0
        while (event := await self._next()) is not _Mark.FORM_ENDS:
            if not isinstance(event, dict):
                continue  # what nobody read of the part before
            count += 1
            if count > MOST_PARTS:
                raise Refusal(400, f"The form has more than {MOST_PARTS} parts.")
            yield _part(event, self._chunks())

    async def _chunks(self) -> AsyncIterator[bytes]:
        while isinstance(event := await self._next(), bytes):
            yield event

    async def _next(self) -> _Event:
        while not self._events:
            chunk = await anext(self._body, b"")
            if not chunk:
                raise Refusal(400, "The form broke off before its end. Nothing was kept; send it again.")
            try:
                self._parser.write(chunk)
            except FormParserError as error:
                raise _malformed(error) from error
        return self._events.popleft()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value.decode("latin-1")
        self._name.clear()
        self._value.clear()


def _part(headers: _Headers, chunks: AsyncIterator[bytes]) -> Part:
    disposition = headers.get("content-disposition", "")
    _, options = parse_options_header(disposition)
    filename = options.get(b"filename")
    extended = _EXTENDED.search(disposition)
    if filename is None and extended is not None:
        filename = unquote(extended[1]).encode()
    return Part(_text(options.get(b"name", b"")), None if filename is None else _text(filename), chunks)


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise Refusal(400, "A name in the form is no text in UTF-8.") from error


def _malformed(error: FormParserError) -> Refusal:
    return Refusal(400, f"The form cannot be read: {error}")
