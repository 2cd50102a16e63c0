"""From start to orderly end of one engine process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from pathlib import Path

import click
from aiohttp import web

from . import NAME
from .engine import Engine
from .options import Options
from .routes import application

log = logging.getLogger(__name__)

STOP_SECONDS = 2.0
"""How long an orderly end waits for the picture under way to notice."""


async def run(options: Options) -> int:
    """Serves until SIGTERM or SIGINT; the exit status."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    log.info(NAME)
    if await _stopped_within(stop, options.timing.startup):
        return 0
    engine = Engine(options)
    logging.getLogger(__package__).addHandler(engine.logs)
    runner = web.AppRunner(application(engine), access_log=None, shutdown_timeout=STOP_SECONDS)
    await runner.setup()
    publisher = asyncio.create_task(engine.hub.publish())
    engine.executor.start()
    try:
        site = web.TCPSite(runner, options.host, options.port)
        await site.start()
        address = _address(runner)
        _announce(address, options.announce)
        await stop.wait()
        log.info("Stopping.")
    finally:
        await asyncio.to_thread(engine.executor.stop, STOP_SECONDS)
        publisher.cancel()
        await engine.hub.close()
        await runner.cleanup()
        logging.getLogger(__package__).removeHandler(engine.logs)
        if options.announce:
            options.announce.unlink(missing_ok=True)
    return 1 if engine.executor.failed else 0


async def _stopped_within(stop: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
    return stop.is_set()


def _address(runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _announce(address: str, file: Path | None) -> None:
    """Says where the engine listens: on standard output in ComfyUI's words, and in a file if one was named."""
    if file is not None:
        part = file.with_name(file.name + ".part")
        part.write_text(address + "\n")
        part.replace(file)
    click.echo(f"To see the GUI go to: {address}")
