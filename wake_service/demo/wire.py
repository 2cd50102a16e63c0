"""The few calls of docs/wire.md that a tour needs, as any client would make them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any
from uuid import uuid4

import aiohttp

from wake_service.demo.failure import TourFailed
from wake_service.demo.sample import PROMPT, SEED, STYLE, Region, Upload

CLIENT = "wakebrush-demo/1; api=1"
ANSWER_SECONDS = 30.0


class Wire:
    """One artist's connection; closed by `async with`. Raises TourFailed with the service's own words when it says no."""

    def __init__(self, endpoint: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}", "Wakebrush-Client": CLIENT}
        self._session = aiohttp.ClientSession(endpoint, headers=headers, timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS))

    async def __aenter__(self) -> Wire:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._session.close()

    async def upload(self, picture: Upload) -> str:
        """Sends a picture; gives its checksum."""
        async with self._session.put(f"/v1/blobs/{picture.sha256}", data=picture.data) as answer:
            await _check(answer)
        return picture.sha256

    async def inpaint(self, image: str, mask: str, region: Region) -> dict[str, Any]:
        """Asks for the missing piece; gives job and price."""
        body = {
            "mode": "inpaint", "prompt": PROMPT, "style": STYLE, "seed": SEED, "strength": 1.0,
            "image": image, "mask": mask, "region": region.as_json(),
        }  # fmt: skip
        async with self._session.post("/v1/generate", json=body, headers={"Idempotency-Key": uuid4().hex}) as answer:
            return await _check(answer)

    async def job(self, job_id: str) -> dict[str, Any]:
        """The job as it is now."""
        async with self._session.get(f"/v1/jobs/{job_id}") as answer:
            return await _check(answer)

    async def result(self, job_id: str) -> bytes:
        """The finished picture."""
        async with self._session.get(f"/v1/jobs/{job_id}/results/0") as answer:
            if answer.status != 200:
                await _check(answer)
            return await answer.read()

    async def events(self, quiet_seconds: float) -> AsyncIterator[dict[str, Any]]:
        """The artist's stream from now on, beginning with a snapshot; previews are left out.

        Raises TimeoutError when nothing was said for `quiet_seconds`.
        """
        async with self._session.ws_connect("/v1/events", max_msg_size=0) as socket:
            while True:
                message = await asyncio.wait_for(socket.receive(), quiet_seconds)
                if message.type is aiohttp.WSMsgType.TEXT:
                    envelope: dict[str, Any] = json.loads(message.data)
                    yield envelope
                elif message.type is not aiohttp.WSMsgType.BINARY:
                    raise TourFailed("The service closed the event stream in the middle of the tour.")


async def _check(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    said: dict[str, Any] = await answer.json(content_type=None) if answer.content_type.endswith("json") else {}
    if answer.ok:
        return said
    reason = said.get("title") or f"It answered {answer.status} {answer.reason}."
    raise TourFailed(
        " ".join(filter(None, [f"The service refused {answer.method} {answer.url.path}: {reason}", said.get("hint")]))
    )
