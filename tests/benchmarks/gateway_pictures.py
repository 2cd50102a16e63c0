"""What the gateway adds to a prompt whose image returns over the socket, on a machine that is awake."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.comfy_client import ComfyClient, Graph
from tests.benchmarks.gateway_service import Sides, sides
from tests.benchmarks.report import Metric, median, percentile
from tests.support.pictures import noise_png

PAIRS, WARM_UP = 400, 20
ROUNDTRIPS, WARM_UP_ROUNDTRIPS = 100, 3
#: Noise of so many pixels is a PNG of 2 MB.
SIDE = 832


class Rounds(NamedTuple):
    """Seconds of every round: straight to the engine, through the gateway, straight once more."""

    straight: list[float]
    through: list[float]
    again: list[float]

    def added_ms(self) -> list[float]:
        """What the gateway adds, round by round."""
        return [(through - straight) * 1000 for straight, through in zip(self.straight, self.through, strict=True)]

    def noise_ms(self) -> list[float]:
        """The same between straight and straight."""
        return [(again - straight) * 1000 for straight, again in zip(self.straight, self.again, strict=True)]

    def ratio(self) -> float:
        """Median of the rounds' ratios, gateway to straight."""
        return median([through / straight for straight, through in zip(self.straight, self.through, strict=True)])

    def ratio_noise(self) -> float:
        """How far from 1 the same is between straight and straight."""
        return abs(median([again / straight for straight, again in zip(self.straight, self.again, strict=True)]) - 1)


def measure(folder: Path) -> dict[str, Metric]:
    """Rounds of straight, gateway, straight; first the trivial workflow, then 2 MB up and their inverse back."""
    with sides(folder) as both:
        colours = count(1)
        small = rounds(both, lambda client: client.image(trivial(next(colours))), PAIRS, WARM_UP)
        large = rounds(both, _roundtrip, ROUNDTRIPS, WARM_UP_ROUNDTRIPS)
    how = (
        f"{PAIRS} interleaved pairs: EmptyImage 512² → SaveImageWebsocket, from the POST to the image's last byte on the socket, "
        f"stored before it is released; straight takes {median(small.straight) * 1000:.1f} ms; noise: straight minus straight"
    )
    large_how = (
        f"{ROUNDTRIPS} interleaved pairs: a 2 MB PNG uploaded, inverted, back over the socket; "
        f"straight takes {median(large.straight) * 1000:.0f} ms; noise: straight to straight"
    )
    added, noise = small.added_ms(), small.noise_ms()
    return {
        "added_latency_ms_median": Metric(median(added), "ms", 5, "lower", PAIRS, how, abs(median(noise))),
        "added_latency_ms_p99": Metric(percentile(added, 99), "ms", 15, "lower", PAIRS, how, percentile(noise, 99)),
        "roundtrip_2mb_ratio": Metric(large.ratio(), "ratio", 1.10, "lower", ROUNDTRIPS, large_how, large.ratio_noise()),
    }


def rounds(both: Sides, work: Callable[[ComfyClient], float], number: int, warm_up: int) -> Rounds:
    """Does the same on both sides in turns."""
    found = Rounds([], [], [])
    for turn in range(number + warm_up):
        seconds = work(both.straight), work(both.through), work(both.straight)
        if turn >= warm_up:
            for kept, each in zip(found, seconds, strict=True):
                kept.append(each)
    return found


def trivial(colour: int) -> Graph:
    """One colour over the socket; another one is nowhere cached."""
    return {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 512, "height": 512, "batch_size": 1, "color": colour}},
        "2": {"class_type": "SaveImageWebsocket", "inputs": {"images": ["1", 0]}},
    }


def _roundtrip(client: ComfyClient) -> float:
    """Another picture each time: nobody has seen it before."""
    name = f"{uuid.uuid4().hex}.png"
    picture = noise_png(uuid.uuid4().int, SIDE, SIDE)
    return client.upload(name, picture) + client.image(inverted(name))


def inverted(name: str) -> Graph:
    """An uploaded picture's negative over the socket."""
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": name}},
        "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
        "3": {"class_type": "SaveImageWebsocket", "inputs": {"images": ["2", 0]}},
    }
