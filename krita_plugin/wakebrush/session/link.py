"""The session's end of the wire: the event stream and the calls, told as Qt signals in the GUI thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..client.config import Connection
from ..client.errors import ServiceError
from ..client.service import Service
from ..client.stream import EventStream
from ..qt import QObject, Signal
from .lanes import Bridge, Lanes

STOP_SECONDS = 3.0


class Link(QObject):
    """Connected or not: `online()`, `offline(ServiceError)`; and what is heard: `event(envelope)`, `preview(header, bytes)`."""

    online = Signal()
    offline = Signal(object)
    event = Signal(object)
    preview = Signal(object, object)

    def __init__(self, resolve: Callable[[], Connection]) -> None:
        super().__init__()
        self._bridge = Bridge()
        self.lanes = Lanes(self._bridge, kept=("disk",))
        self.service: Service | None = None
        self._stream = EventStream(resolve, _ToGui(self, self._bridge))

    def serves(self, profile: str) -> bool:
        """Whether the service in use is this one of hers; '' stands for any."""
        return self.service is not None and profile in ("", self.service.connection.profile)

    def start(self) -> None:
        self._stream.start()

    def reconnect(self) -> None:
        """After the settings changed: let go of the present service and look for the right one."""
        self._stream.reconnect()

    def retry_now(self) -> None:
        """She is waiting: try again without a pause."""
        self._stream.retry_now()

    def ask(
        self,
        lane: str,
        call: Callable[[Service], Any],
        then: Callable[[Any], None] | None = None,
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Makes a call in a lane; nothing happens while there is no service."""
        service = self.service
        if service is not None:
            self.lanes.run(lane, lambda: call(service), then, failed)

    def stop(self) -> bool:
        """Ends every thread; whether all had ended within 3 seconds. Nothing is told afterwards."""
        deadline = time.monotonic() + STOP_SECONDS
        self._bridge.close()
        self._stream.stop()
        if self.service is not None:
            self.service.close()
        ended = self.lanes.close(max(0.0, deadline - time.monotonic()))
        return self._stream.join(max(0.0, deadline - time.monotonic())) and ended

    def _set_connection(self, connection: Connection) -> None:
        if self.service is None or self.service.connection != connection:
            if self.service is not None:
                self.service.close()
            self.service = Service(connection)
        self.online.emit()


class _ToGui:
    """Hears the stream in its thread and hands everything on to the GUI thread."""

    def __init__(self, link: Link, bridge: Bridge) -> None:
        self._link = link
        self._bridge = bridge

    def connected(self, connection: Connection) -> None:
        self._bridge.post(lambda: self._link._set_connection(connection))

    def disconnected(self, error: ServiceError) -> None:
        self._bridge.post(lambda: self._link.offline.emit(error))

    def event(self, envelope: dict[str, Any]) -> None:
        self._bridge.post(lambda: self._link.event.emit(envelope))

    def preview(self, header: dict[str, Any], image: bytes) -> None:
        self._bridge.post(lambda: self._link.preview.emit(header, image))
