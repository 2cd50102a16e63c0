"""The AWS account of a rehearsal: the stand-in in a thread of its own, over HTTP, with containers behind its instances."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from tests.aws.cloud import Cloud, Times
from tests.aws.cloud.server import Server
from tests.image.lab.fleet import Fleet, Preparation
from tests.image.lab.leftovers import Leftovers
from tests.image.lab.machine import Machine
from tests.image.lab.roots import Layers
from wake_service.aws.tags import guard_parameter
from wake_service.clock import SystemClock

T = TypeVar("T")
CALL_SECONDS = 120.0
#: What EC2 itself adds to a boot is not what is rehearsed; a stop lasts as long as the container's.
QUICK = Times(pending=0.2, stopping=0.0, forced_stopping=0.0, shutting_down=0.2, notice=20.0)


class Account:
    """Started by `open`. `url` is the endpoint for everybody outside; `do` runs something where the cloud lives."""

    def __init__(self, leftovers: Leftovers, images: dict[str, Layers], prepare: Preparation) -> None:
        self.url = ""
        self._leftovers = leftovers
        self._images = images
        self._prepare = prepare
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="account")

    def open(self) -> None:
        """An empty account that answers."""
        self._thread.start()
        self.wait_for(self._open())

    def check(self) -> None:
        """Raises what broke unseen, so that nobody waits for what cannot come any more."""
        self.do(lambda _: self.fleet.check())

    def close(self) -> None:
        """Pulls every plug and forgets the account. Raises what broke unseen."""
        try:
            self.wait_for(self._close())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def do(self, work: Callable[[Cloud], T]) -> T:
        """What `work` gives, run where everything else in the cloud happens."""

        async def run() -> T:
            return work(self.cloud)

        return self.wait_for(run())

    def wait_for(self, work: Coroutine[Any, Any, T], seconds: float = CALL_SECONDS) -> T:
        """What a coroutine gives that runs there."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    def state(self, instance_id: str) -> str:
        """An instance's state now."""
        return self.do(lambda cloud: cloud.state(instance_id))

    def tags(self, instance_id: str) -> dict[str, str]:
        """An instance's tags now."""
        return self.do(lambda cloud: cloud.tags(instance_id))

    def machine(self, instance_id: str) -> Machine:
        """The machine behind an instance."""
        return self.do(lambda _: self.fleet.of(instance_id))

    def token(self, instance_id: str, deployment: str) -> str | None:
        """What lies in a machine's parameter; None when there is none."""

        def read(cloud: Cloud) -> str | None:
            ssm: Any = cloud.account.backend("ssm")
            parameter = ssm.get_parameter(guard_parameter(deployment, instance_id))
            return None if parameter is None else str(parameter.decrypt(parameter.value))

        return self.do(read)

    async def _open(self) -> None:
        def behind(cloud: Cloud) -> Fleet:
            self.fleet = Fleet(cloud, self._leftovers, self._images, self._prepare)
            return self.fleet

        self.cloud = Cloud(SystemClock(), times=QUICK, behind=behind)
        self.server = self.fleet.server = Server(self.cloud)
        self.url = await self.server.start()

    async def _close(self) -> None:
        await self.cloud.close()
        await self.server.stop()
