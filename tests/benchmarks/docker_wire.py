"""How long it takes from a press of the button to the request at the service, and what an unchanged region costs on the wire."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from tests.benchmarks.relay import Call, Relay, relayed
from tests.benchmarks.report import Metric, median
from tests.benchmarks.services import NEVER_AWAKE
from tests.krita.display import wait_for
from tests.krita.installing import built_zip, profile_with_plugin
from tests.krita.kritas import INSTALLED
from tests.krita.running import running_krita
from tests.krita.studio import SAMPLE, Studio, a_service

#: Side of the region in pixels, and the most milliseconds.
TARGETS = {1024: 150.0, 2048: 450.0}
PRESSES, UNCHANGED_PRESSES = 12, 3
#: Trained on 1024², so that regions of both sizes are sent pixel for pixel.
STYLE = "practice-sdxl"
GRAIN = 3.0
WAIT = 30.0


def measure(folder: Path) -> dict[str, Metric]:
    """Refines a whole painting, which is sent lossless: the slowest way out. The machine never wakes, so nothing else runs."""
    metrics: dict[str, Metric] = {}
    resent: list[int] = []
    with a_relayed_studio() as (studio, relay):
        for side, target in TARGETS.items():
            open_photo(studio, side)
            presses = [press_to_wire(studio, relay, side, number) for number in range(PRESSES + 1)][1:]
            spent, written = [all_of_it for all_of_it, _ in presses], [until_upload for _, until_upload in presses]
            resent += [pressed_again(studio, relay, side) for _ in range(UNCHANGED_PRESSES)]
            how = (
                f"press to the whole body of POST /v1/generate at a relay before the service: {side} × {side} of a painting with "
                f"grain refined, changed before each press, the picture uploaded as PNG first, from {median(written):.0f} ms on; "
                "median, the first press left out"
            )
            noise = abs(median(spent[::2]) - median(spent[1::2]))
            metrics[f"press_to_wire_ms_{side}"] = Metric(median(spent), "ms", target, "lower", len(spent), how, noise)
            studio.krita.ask("documents.close_all")
    how = "bodies of PUT /v1/blobs after a second press on the same pixels; the most of all presses"
    metrics["unchanged_region_bytes"] = Metric(max(resent), "bytes", 0, "lower", len(resent), how, 0)
    return metrics


@contextmanager
def a_relayed_studio() -> Iterator[tuple[Studio, Relay]]:
    """Krita with the plugin, and a relay between it and the service."""
    INSTALLED.provide()
    with (
        profile_with_plugin(INSTALLED, built_zip()) as profile,
        a_service(profile, practice_args=NEVER_AWAKE) as service,
        relayed(service.endpoint) as relay,
        running_krita(INSTALLED, profile, KRITA_AI_ENDPOINT=relay.endpoint, KRITA_AI_TOKEN=service.token) as krita,
    ):
        studio = Studio(krita, service, profile)
        krita.ask("docker.show")
        yield studio, relay


def open_photo(studio: Studio, side: int) -> None:
    """A document that compresses as badly as a painting with paper grain, all of it to be refined."""
    picture = np.asarray(Image.open(SAMPLE).convert("RGB").resize((side, side), Image.Resampling.BICUBIC), np.float32)
    grain = np.random.default_rng(side).normal(0, GRAIN, picture.shape)
    path = studio.profile.home / f"photo-{side}.png"
    Image.fromarray(np.clip(picture + grain, 0, 255).astype(np.uint8)).save(path, compress_level=1)
    studio.krita.ask("documents.load", path=str(path))
    studio.krita.ask("results.settings", style=STYLE, task="refine", strength=60, prompt=f"a lighthouse, {side}")
    studio.krita.until("docker.look", "the button", lambda said: said["can_generate"], WAIT)


def press_to_wire(studio: Studio, relay: Relay, side: int, number: int) -> tuple[float, float]:
    """Milliseconds from a press to its request at the service, and to the first word about its picture."""
    studio.krita.ask("stalls.touch", number=number)
    studio.krita.ask("window.wait", seconds=0.5)  # looks and prices of the change are over
    pressed, call = _pressed(studio, relay)
    body = json.loads(call.body)
    if (body["width"], body["height"], body["mode"]) != (side, side, "image_to_image"):
        raise AssertionError(f"not what was to be measured: {body['mode']} at {body['width']} × {body['height']}")
    asked = min(each.at for each in relay.calls if each.path.startswith("/v1/blobs") and each.at > pressed)
    return (call.at - pressed) * 1000, (asked - pressed) * 1000


def pressed_again(studio: Studio, relay: Relay, side: int) -> int:
    """Bytes uploaded for a press on pixels that were sent before."""
    studio.krita.ask("window.wait", seconds=0.5)
    pressed, call = _pressed(studio, relay)
    return sum(each.size for each in relay.calls if each.path.startswith("/v1/blobs") and pressed < each.at <= call.at)


def _pressed(studio: Studio, relay: Relay) -> tuple[float, Call]:
    pressed: float = studio.krita.ask("stalls.press", name="generate")
    sent = wait_for(lambda: _generated(relay, pressed), "the request at the service", WAIT, every=0.02)
    wait_for(lambda: time.monotonic() - sent.at > 0.3, "the answer", WAIT)
    return pressed, sent


def _generated(relay: Relay, since: float) -> Call | None:
    calls = [each for each in relay.calls if (each.method, each.path) == ("POST", "/v1/generate") and each.at > since]
    return calls[0] if calls else None
