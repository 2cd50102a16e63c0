"""A studio's day, made up: artists come and go, and ask for pictures in bursts while they paint. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from wake_service.simulate.requests import Request

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Habit:
    """How an artist spends her day. Hours of the day, seconds for the rest.

    `sessions`: when she usually sits down; `length`: of a session, on average; `pause`: from one request to the next, on
    average; `work`: of one picture, on average.
    """

    name: str
    sessions: tuple[float, ...]
    length: float = 1.25 * HOUR
    pause: float = 150.0
    work: float = 18.0


#: A small studio: three keep office hours, one paints after dinner, one at night.
STUDIO = (
    Habit("inker", (9.0, 13.5, 16.0)),
    Habit("colourist", (9.5, 14.0)),
    Habit("background painter", (10.0, 15.0), work=30.0),
    Habit("evening painter", (20.0,), length=2 * HOUR),
    Habit("night owl", (23.25,), length=0.5 * HOUR, pause=240.0),
)


def studio_day(seed: int, habits: tuple[Habit, ...] = STUDIO) -> list[Request]:
    """The requests of one day from midnight on, in order of time; the same seed gives the same day."""
    requests = [request for habit in habits for request in _day(habit, random.Random(f"{seed} {habit.name}"))]
    return sorted(requests, key=lambda request: request.at)


def _day(habit: Habit, chance: random.Random) -> Iterator[Request]:
    for hour in habit.sessions:
        now = max(0.0, chance.gauss(hour * HOUR, HOUR / 4))
        end = min(now + chance.expovariate(1 / habit.length), 24 * HOUR)
        while now < end:
            yield Request(now, habit.name, max(2.0, chance.gammavariate(4.0, habit.work / 4.0)))
            now += chance.expovariate(1 / habit.pause)
