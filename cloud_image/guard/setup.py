"""Makes the guard ready: who the machine is, its certificate, the token of this wake; and lets the service know."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TypeVar

from cloud_image.cloud.calls import Calls
from cloud_image.errors import MachineError
from cloud_image.files import replace
from cloud_image.metadata import Identity
from cloud_image.paths import Paths
from cloud_image.settings import Settings

from . import certificate
from .configuration import engine_conf, server_conf, token_conf

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds between two tries: short while the network comes up, since the whole wake waits for this.
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 15.0


@dataclass(frozen=True, slots=True)
class World:
    """What the set-up needs from outside. `ready` is called once, when the guard can start; `owner` is the guard's user and
    group id; `learn_identity`, `calls_of` and the calls raise MachineError, and are then tried again for ever."""

    learn_identity: Callable[[], Identity]
    calls_of: Callable[[Identity], Calls]
    ready: Callable[[], None]
    sleep: Callable[[float], None]
    owner: tuple[int, int] | None = None


def prepare(settings: Settings, paths: Paths, world: World) -> None:
    """Returns when the guard can start and the service knows its certificate.

    Neither waits for the other: both may need tries, and the wake needs both. Raises MachineError when this machine can make
    no certificate, and OSError when its disk takes none.
    """
    identity = _until_it_works(world.learn_identity, world.sleep)
    ours = certificate.ensure(paths.guard, identity.machine, owner=world.owner)
    log.info("This machine is %s; its certificate's SHA-256 is %s.", identity.machine, ours.fingerprint)
    calls = world.calls_of(identity)

    def let_in() -> None:
        configure(settings, paths, ours, _until_it_works(calls.guard_token, world.sleep), owner=world.owner)
        log.info("The token of this wake is here; the guard can start.")
        world.ready()

    def publish() -> None:
        _until_it_works(lambda: calls.publish_fingerprint(ours.fingerprint), world.sleep)
        log.info("The service can know the certificate.")

    with ThreadPoolExecutor(2) as both:
        for done in as_completed([both.submit(let_in), both.submit(publish)]):
            done.result()


def configure(
    settings: Settings, paths: Paths, ours: certificate.Certificate, token: str, *, owner: tuple[int, int] | None = None
) -> None:
    """Writes what nginx includes. Raises MachineError for a token that cannot be used, and OSError."""
    group = None if owner is None else (-1, owner[1])
    folder = paths.activity_log.parent
    replace(folder / "server.conf", server_conf(settings.guard, ours.file), mode=0o640, owner=group)
    replace(folder / "engine.conf", engine_conf(settings.engine.port), mode=0o640, owner=group)
    replace(folder / "token.conf", token_conf(token, secrets.token_hex(32)), mode=0o640, owner=group)


def _until_it_works(call: Callable[[], T], sleep: Callable[[float], None]) -> T:
    said = ""
    for pause in _pauses():
        try:
            return call()
        except MachineError as error:
            if str(error) != said:
                log.warning("%s Trying again.", error)
            said = str(error)
            sleep(pause)
    raise AssertionError("unreachable: the pauses never end")


def _pauses() -> Iterator[float]:
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 1.6, LONGEST_PAUSE)
