"""Forms as clients send them to ComfyUI: a file and some fields, in whatever order."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from tests.support.asgi import Answer, Caller

BOUNDARY = "----a-boundary"


def form(*parts: tuple[str, str | bytes, str | None]) -> bytes:
    """`(field, content, name of the file if it is one)`, part by part."""
    body = b""
    for name, content, filename in parts:
        named = f'; filename="{filename}"' if filename is not None else ""
        body += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n'.encode()
        if filename is not None:
            body += b"Content-Type: application/octet-stream\r\n"
        body += b"\r\n" + (content.encode() if isinstance(content, str) else content) + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


async def send_form(who: Caller, path: str, *parts: tuple[str, str | bytes, str | None]) -> Answer:
    """One call with these parts."""
    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    return await who.ask("POST", path, body=form(*parts), headers=headers)


async def upload_image(who: Caller, name: str, content: bytes, **fields: Any) -> Answer:
    """`/comfy/upload/image`; the fields come behind the file, as ComfyUI's page sends them."""
    more = [(key, value if isinstance(value, str) else json.dumps(value), None) for key, value in fields.items()]
    return await send_form(who, "/comfy/upload/image", ("image", content, name), *more)


async def view(who: Caller, headers: dict[str, str] | None = None, method: str = "GET", **query: str) -> Answer:
    asked = "&".join(f"{name}={quote(value)}" for name, value in query.items())
    return await who.ask(method, f"/comfy/view?{asked}", headers=headers)
