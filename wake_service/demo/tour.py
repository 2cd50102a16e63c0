"""The tour: start a service whose machine sleeps, ask for a picture, watch, save it, and see the machine go back to sleep."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console
from rich.markup import escape

from wake_service.demo.failure import TourFailed
from wake_service.demo.own_service import own_service
from wake_service.demo.record import Envelope, Record
from wake_service.demo.sample import PROMPT, Sample
from wake_service.demo.telling import Telling, money
from wake_service.demo.wire import Wire
from wake_service.errors import WakebrushError

#: A small GPU machine's price in a cloud, so that the cost means something; the practice machine itself is free.
SAMPLE_PRICE_PER_HOUR = "1.006"
SETTINGS = {
    "IDLE_SECONDS": "3",
    "PRICE_PER_HOUR": SAMPLE_PRICE_PER_HOUR,
    "CURRENCY": "USD",
    "PRACTICE_ARGS": "--startup-seconds 1 --load-seconds 0.6 --step-seconds 0.12",
}
#: A tour in which nothing happens for so long has failed.
QUIET_SECONDS = 60.0
FINISHED = ("succeeded", "failed", "cancelled")


def run(output: Path) -> int:
    """Takes the tour; pictures and report go to `output`. Gives the exit code; failures are told in sentences."""
    console = Console(highlight=False)
    try:
        output.mkdir(parents=True, exist_ok=True)
        asyncio.run(_interruptible(Sample.load(), output, console))
    except (WakebrushError, aiohttp.ClientError, OSError) as error:
        console.print(f"The tour ended early. {escape(_sentence(error, output))}", soft_wrap=True)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("Stopped. Nothing is left running.")
        return 130
    return 0


def _sentence(error: Exception, output: Path) -> str:
    if isinstance(error, aiohttp.ClientError):
        return f"The service stopped answering ({error}). Its log: {output / 'service.log'}"
    if isinstance(error, TimeoutError):
        return f"The service did not answer in time. Its log: {output / 'service.log'}"
    if isinstance(error, OSError):
        return f"A file could not be read or written: {error}"
    return str(error)


async def _interruptible(sample: Sample, output: Path, console: Console) -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await _tour(sample, output, console)


async def _tour(sample: Sample, output: Path, console: Console) -> None:
    record = Record()
    console.print("[bold]One picture from a machine that sleeps.[/bold] Practice mode: sketches, no AI.\n")
    with Telling(console) as telling:
        async with (
            own_service(output / "service.log", SETTINGS) as service,
            Wire(service.endpoint, service.token) as wire,
            aclosing(_watched(wire, record, telling)) as events,
        ):
            telling.line(f"A service listens at {service.endpoint}, with data of its own.")
            await _until(events, lambda envelope: envelope["type"] == "snapshot")
            telling.line(f"The machine is {record.machine_states[-1] if record.machine_states else 'unknown'}.")
            picture = await _one_picture(wire, sample, events, record, telling)
            pictures = await asyncio.to_thread(_save, output, sample, picture)
            telling.line(f"Now nobody paints: after {SETTINGS['IDLE_SECONDS']} s the machine goes to sleep by itself.")
            await _until(events, lambda envelope: record.machine_states[-1] == "asleep")
            record.see_job(await wire.job(record.job["id"]))
        report = record.report()
        pictures["report"] = output / "report.json"
        pictures["report"].write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    telling.summary(report, pictures)
    if shutil.which("krita"):
        console.print("\nKrita is installed: [bold]make krita[/bold] opens it with the plugin.")


async def _one_picture(wire: Wire, sample: Sample, events: AsyncIterator[Envelope], record: Record, telling: Telling) -> bytes:
    image, mask = await asyncio.to_thread(sample.uploads)
    accepted = await wire.inpaint(await wire.upload(image), await wire.upload(mask), sample.region)
    job_id, region = accepted["job"]["id"], sample.region
    telling.line(f"Asked for “{PROMPT}”, {region.width} x {region.height} pixels at {region.x}, {region.y}.")
    telling.line(f"It will cost about {money(accepted['price']['estimate'])}, the wake included.")
    await _until(events, lambda envelope: record.job.get("id") == job_id and record.job["state"] in FINISHED)
    if record.job["state"] != "succeeded":
        error = record.job.get("error") or {"message": record.job["state"], "hint": ""}
        raise TourFailed(f"The picture was not made: {error['message'].rstrip('.')}. {error['hint'] or ''}".rstrip())
    return await wire.result(job_id)


async def _watched(wire: Wire, record: Record, telling: Telling) -> AsyncGenerator[Envelope, None]:
    """The event stream, recorded and told on its way."""
    async for envelope in wire.events(QUIET_SECONDS):
        record.see(envelope)
        telling.event(envelope)
        yield envelope


async def _until(events: AsyncIterator[Envelope], reached: Callable[[Envelope], Any]) -> None:
    """Reads on until `reached`. Raises TourFailed when the stream has been silent for too long."""
    try:
        async for envelope in events:
            if reached(envelope):
                return
    except TimeoutError:
        raise TourFailed(f"Nothing has happened for {QUIET_SECONDS:.0f} s.") from None


def _save(output: Path, sample: Sample, result: bytes) -> dict[str, Path]:
    pictures = {"before": sample.painting, "after": sample.with_result(result), "mask": sample.mask}
    paths = {name: output / f"{name}.png" for name in pictures}
    for name, picture in pictures.items():
        picture.save(paths[name])
    return paths
