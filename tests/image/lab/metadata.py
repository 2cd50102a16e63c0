"""The metadata service that a machine finds at 169.254.169.254, in the second version of its protocol, for one instance."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import web
from moto.ec2.models.instances import Instance

from tests.image.lab.network import Network
from wake_service.agent.wire import Notice, NoticeKind

if TYPE_CHECKING:
    from tests.aws.cloud import Cloud

ADDRESS = "169.254.169.254"
PORT = 80
_SESSION = "X-aws-ec2-metadata-token"
_AGE = "X-aws-ec2-metadata-token-ttl-seconds"
_ROLE = "machine"
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class MetadataService:
    """Answers what the cloud knows of an instance at that moment. `asked` are the paths so far."""

    def __init__(self, cloud: Cloud, instance_id: str) -> None:
        self.notice: Notice | None = None
        self.asked: list[str] = []
        self._cloud = cloud
        self._instance_id = instance_id
        self._sessions: set[str] = set()
        self._runner: web.AppRunner | None = None

    async def start(self, network: Network) -> None:
        """Answers in a machine's own network, from before its first process is there."""
        network.run("ip", "addr", "add", f"{ADDRESS}/32", "dev", "lo")
        app = web.Application()
        app.router.add_put("/latest/api/token", self._begin)
        app.router.add_get("/latest/{path:.+}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.SockSite(self._runner, network.listener(ADDRESS, PORT)).start()

    async def stop(self) -> None:
        """Answers no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _begin(self, request: web.Request) -> web.Response:
        if not request.headers.get(_AGE, "").isdigit():
            return web.Response(status=400)
        session = secrets.token_urlsafe(32)
        self._sessions.add(session)
        return web.Response(text=session)

    async def _answer(self, request: web.Request) -> web.Response:
        if request.headers.get(_SESSION) not in self._sessions:
            return web.Response(status=401)
        path = request.match_info["path"]
        self.asked.append(path)
        text = self._text(path)
        return web.Response(status=404) if text is None else web.Response(text=text)

    def _text(self, path: str) -> str | None:
        instance = self._cloud.instance(self._instance_id)
        tags = self._cloud.tags(self._instance_id)
        if path.startswith("meta-data/tags/instance/"):
            return tags.get(path.removeprefix("meta-data/tags/instance/"))
        texts = {
            "dynamic/instance-identity/document": self._document(instance),
            "meta-data/instance-id": instance.id,
            "meta-data/instance-type": instance.instance_type,
            "meta-data/placement/region": self._cloud.region,
            "meta-data/placement/availability-zone": str(instance.placement.zone),
            "meta-data/instance-life-cycle": "spot" if instance.lifecycle == "spot" else "on-demand",
            "meta-data/tags/instance": "\n".join(tags),
            "meta-data/tags/instance/": "\n".join(tags),
            "meta-data/iam/security-credentials/": _ROLE,
            "meta-data/iam/security-credentials": _ROLE,
            f"meta-data/iam/security-credentials/{_ROLE}": _credentials(),
            "meta-data/spot/instance-action": self._said(NoticeKind.INTERRUPTION, "time", action="stop"),
            "meta-data/events/recommendations/rebalance": self._said(NoticeKind.REBALANCE, "noticeTime"),
        }
        return texts.get(path)

    def _document(self, instance: Instance) -> str:
        known = {"instanceId": instance.id, "region": self._cloud.region, "instanceType": instance.instance_type}
        return json.dumps(known | {"accountId": self._cloud.account.number, "imageId": instance.image_id})

    def _said(self, kind: NoticeKind, name: str, **more: str) -> str | None:
        if self.notice is None or self.notice.kind is not kind:
            return None
        return json.dumps(more | {name: datetime.fromtimestamp(self.notice.at, UTC).strftime(_FORMAT)})


def _credentials() -> str:
    """A role's passing credentials; the stand-in believes anybody who signs."""
    until = (datetime.now(UTC) + timedelta(hours=6)).strftime(_FORMAT)
    return json.dumps(
        {"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "ASIASTANDINSTANDIN00", "SecretAccessKey": "not a secret"}
        | {"Token": "not a secret either", "Expiration": until, "LastUpdated": until}
    )
