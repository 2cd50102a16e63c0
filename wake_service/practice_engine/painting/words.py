"""What a prompt's words mean for a sketch."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

SETTINGS = {
    "sea": "sea ocean coast coastal shore beach harbour harbor lighthouse boat ship sailing sailboat waves island lake river",
    "mountains": "mountain mountains alps alpine peak peaks cliff cliffs ridge valley glacier volcano fjord highlands",
    "forest": "forest wood woods woodland tree trees jungle pine pines birch grove path fox deer",
    "city": "city town street skyline urban building buildings skyscraper rooftops cyberpunk neon metropolis village",
    "desert": "desert dune dunes sahara canyon sand mars",
    "portrait": "portrait face woman man girl boy lady king queen head self-portrait person character elf knight",
    "still_life": "still-life vase bouquet flowers flower roses rose tulip tulips sunflowers fruit apple bowl teapot",
    "sky": "sky cloud clouds heaven heavens rainbow",
    "hills": "hill hills meadow field fields farm countryside landscape grass pasture vineyard house cottage castle garden",
}
LIGHTS = {
    "storm": "storm stormy thunder thunderstorm lightning tempest hurricane rain rainy rough dramatic gloomy",
    "night": "night midnight moon moonlit moonlight stars starry dark nocturnal nocturne aurora",
    "sunset": "sunset dusk evening twilight golden sundown autumn autumnal fire burning",
    "dawn": "dawn sunrise morning daybreak spring blossom pastel soft",
    "fog": "fog foggy mist misty haze hazy overcast winter snow snowy cloudy grey gray",
    "day": "day noon midday summer sunny sun bright clear blue sky",
}
SUBJECTS = {
    "lighthouse": "lighthouse beacon",
    "house": "house cottage hut cabin farm farmhouse home",
    "castle": "castle fortress palace tower towers",
    "boat": "boat boats ship ships sail sailing sailboat fishing schooner",
    "moon": "moon moonlit moonlight midnight",
    "stars": "stars starry night midnight galaxy cosmos",
    "sun": "sun sunset sunrise sunny",
    "trees": "tree trees pine pines forest woods oak birch",
    "birds": "bird birds seagull seagulls gulls crow crows swallow swallows",
    "rain": "rain rainy storm stormy thunderstorm",
    "snow": "snow snowy winter blizzard",
    "flowers": "flower flowers poppies poppy meadow blossom garden lavender tulips roses",
    "figure": "person people figure wanderer traveler traveller walker man woman girl boy child painter",
    "pines": "pine pines fir firs spruce snow snowy winter",
    "rocks": "rock rocks cliff cliffs rocky",
    "lightning": "lightning thunder thunderstorm",
}
COLOURS = {
    "red": (0.78, 0.18, 0.14), "crimson": (0.7, 0.08, 0.16), "orange": (0.92, 0.5, 0.14), "yellow": (0.95, 0.8, 0.25),
    "gold": (0.88, 0.68, 0.2), "golden": (0.88, 0.68, 0.2), "green": (0.25, 0.55, 0.25), "emerald": (0.1, 0.55, 0.4),
    "turquoise": (0.2, 0.66, 0.66), "teal": (0.1, 0.45, 0.5), "blue": (0.16, 0.34, 0.72), "purple": (0.42, 0.22, 0.6),
    "violet": (0.45, 0.25, 0.66), "pink": (0.92, 0.52, 0.62), "brown": (0.42, 0.28, 0.18), "black": (0.1, 0.1, 0.12),
    "white": (0.94, 0.93, 0.9), "grey": (0.5, 0.5, 0.52), "gray": (0.5, 0.5, 0.52), "sepia": (0.56, 0.42, 0.28),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scene:
    """A prompt understood: where, in which light, with what in it.

    `surprise` (0 to 1) comes from the words that mean nothing here.
    """

    setting: str
    light: str
    subjects: frozenset[str]
    tint: tuple[float, float, float] | None
    surprise: float


def understand(text: str, negative: str) -> Scene:
    """Reads a prompt; what the negative prompt names is left out. Unknown words still choose something, always the same."""
    avoided = set(_words(negative))
    words = [word for word in _words(text) if word not in avoided]
    known = {word for group in (SETTINGS, LIGHTS, SUBJECTS) for names in group.values() for word in names.split()} | set(COLOURS)
    rest = " ".join(word for word in words if word not in known)
    digest = hashlib.sha256(rest.encode()).digest()
    setting = (
        _best(words, SETTINGS) or ("hills", "sea", "mountains", "forest", "hills", "desert", "still_life", "sea")[digest[0] % 8]
    )
    light = _best(words, LIGHTS) or ("day", "dawn", "sunset", "fog", "day", "sunset")[digest[1] % 6]
    subjects = frozenset(name for name, names in SUBJECTS.items() if set(names.split()) & set(words) and name not in avoided)
    tints = [COLOURS[word] for word in words if word in COLOURS]
    return Scene(setting, light, subjects, tints[0] if tints else None, digest[2] / 255)


def _words(text: str) -> list[str]:
    plain = text.lower().replace("still life", "still-life").replace("self portrait", "self-portrait")
    return re.findall(r"[a-zà-ÿ]+(?:-[a-z]+)*", plain)


def _best(words: list[str], groups: dict[str, str]) -> str | None:
    """The group most often named; of equals the one named first."""
    scores = {name: sum(word in names.split() for word in words) for name, names in groups.items()}
    top = max(scores.values())
    if not top:
        return None
    leaders = [name for name, score in scores.items() if score == top]
    return min(leaders, key=lambda name: next(n for n, word in enumerate(words) if word in groups[name].split()))
