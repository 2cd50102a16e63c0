"""The same account for other processes: over HTTP on loopback, in real time."""

from __future__ import annotations

import re
import socket

from aiohttp import web

from tests.aws.cloud.cloud import Cloud

#: Where a signed request says for which region and service it is: in its header, or in a presigned link.
_SCOPE = re.compile(r"Credential=[^/]+(?:/|%2F)\d+(?:/|%2F)(?P<region>[\w-]+)(?:/|%2F)(?P<service>\w+)(?:/|%2F)aws4_request")
#: Presigned links of S3's older kind say neither.
_OLD_LINK = "AWSAccessKeyId="
_LARGEST_BODY = 256 * 1024**2


class Server:
    """Answers what boto3, AWS's own tools or Packer send to an endpoint on this computer. Faults are for calls in process."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._runner: web.AppRunner | None = None

    async def start(self, port: int = 0) -> str:
        """Listens on loopback (port 0: any that is free); its URL."""
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def also_at(self, listening: socket.socket) -> web.SockSite:
        """Listens at one more place, which is not on this computer's own network; `stop` of what it gives ends that."""
        assert self._runner is not None, "it does not listen yet"
        site = web.SockSite(self._runner, listening)
        await site.start()
        return site

    async def stop(self) -> None:
        """Listens no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        scope = _SCOPE.search(f"{request.headers.get('Authorization', '')} {request.raw_path}")
        if scope is None and _OLD_LINK not in request.raw_path:
            return web.Response(status=403, text="The stand-in answers signed requests only.")
        service, region = (scope["service"], scope["region"]) if scope else ("s3", self._cloud.region)
        url = f"https://{service}.{region}.amazonaws.com{request.raw_path}"
        body = await request.read()
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        status, sent, text = self._cloud.front.serve(request.method, url, headers, body)
        kept = {name: value for name, value in sent.items() if name.lower() not in ("content-length", "transfer-encoding")}
        return web.Response(status=status, headers=kept, body=text)
