"""The part of the fake service that is about the queue, prices and keeping machines awake (docs/wire.md)."""

from __future__ import annotations

from typing import Any, Protocol

from aiohttp import web

#: What a wake, a picture and the time awake after it cost here, in dollars.
WAKE, PICTURE, IDLE, HOUR = 0.02, 0.003, 0.48, 1.006


def dollars(amount: float) -> dict[str, Any]:
    """An amount on the wire."""
    return {"amount": round(amount, 6), "currency": "USD"}


class Fake(Protocol):
    """What these calls need of the fake service."""

    jobs: dict[str, dict[str, Any]]
    machines: list[dict[str, Any]]
    bodies: list[tuple[str, Any]]

    async def _push(self, kind: str, job: dict[str, Any] | None, durable: bool, data: dict[str, Any]) -> None: ...


def price(fake: Fake, pictures: int) -> dict[str, Any]:
    """The price of so many pictures as things are."""
    sleeps = not any(each["state"] in ("ready", "busy", "waking") for each in fake.machines)
    wake, idle = (WAKE, IDLE) if sleeps else (0.0, 0.0)
    parts = {"wake": dollars(wake), "pictures": dollars(PICTURE * pictures), "idle": dollars(idle)}
    return {"estimate": dollars(wake + idle + PICTURE * pictures), "includes_wake": sleeps, **parts}


def routes(fake: Fake) -> list[web.RouteDef]:
    """The calls, for the application of the fake service."""
    calls = _Calls(fake)
    return [
        web.post("/v1/price", calls.price),
        web.get("/v1/jobs", calls.listed),
        web.delete("/v1/jobs", calls.cancel_all),
        web.post("/v1/jobs/{id}/front", calls.front),
        web.post("/v1/gathered/release", calls.release),
        web.put("/v1/machines/{id}/hold", calls.hold),
        web.delete("/v1/machines/{id}/hold", calls.let_go),
    ]


class _Calls:
    def __init__(self, fake: Fake) -> None:
        self._fake = fake

    async def price(self, request: web.Request) -> web.Response:
        body = await request.json()
        self._fake.bodies.append((request.path, body))
        gathered = sum(job["count"] for job in self._gathered())
        count = gathered if body.get("gathered") else int(body.get("count", 1))
        return web.json_response({"price": price(self._fake, count), "ahead": 0, "eta_seconds": 12.0})

    async def listed(self, request: web.Request) -> web.Response:
        states = request.query.get("state", "queued,running").split(",")
        jobs = [job for job in self._fake.jobs.values() if job["state"] in states]
        return web.json_response({"jobs": jobs[::-1], "next": None})

    async def cancel_all(self, request: web.Request) -> web.Response:
        self._fake.bodies.append((request.path, request.query.get("which")))
        unfinished = [job for job in self._fake.jobs.values() if job["state"] in ("queued", "running")]
        for job in unfinished:
            job["state"] = "cancelled"
            await self._fake._push("job.cancelled", dict(job), True, {})
        return web.json_response({"cancelled": len(unfinished), "machine_sleeps": self.machine_sleeps()})

    async def front(self, request: web.Request) -> web.Response:
        job = self._fake.jobs[request.match_info["id"]]
        for each in self._fake.jobs.values():
            each["ahead"] = 0 if each is job else (each["ahead"] or 0) + 1
            await self._fake._push("queue.changed", None, False, {"job": {"id": each["id"]}, "ahead": each["ahead"]})
        return web.json_response(job)

    async def release(self, request: web.Request) -> web.Response:
        jobs = self._gathered()
        answer = {"jobs": jobs, "price": price(self._fake, sum(job["count"] for job in jobs))}
        for job in jobs:
            job["waiting_for"] = "no_machine"
            await self._fake._push("job.waiting", dict(job), True, {})
        return web.json_response(answer)

    async def hold(self, request: web.Request) -> web.Response:
        machine, body = self._machine(request), await request.json()
        machine.update(held_until="2099-01-01T15:40:00.000Z", held_by="Mira")
        await self._fake._push("machine.changed", None, False, {"machine": machine})
        cost = {"estimate": dollars(HOUR * body["seconds"] / 3600), "includes_wake": False}
        return web.json_response({"machine": machine, "price": cost, "until": machine["held_until"]})

    async def let_go(self, request: web.Request) -> web.Response:
        machine = self._machine(request)
        machine.update(held_until=None, held_by=None)
        await self._fake._push("machine.changed", None, False, {"machine": machine})
        return web.json_response({"machine": machine})

    def machine_sleeps(self) -> bool | None:
        """Whether a machine that was waking goes back to sleep: nobody waits for it any more."""
        if not any(each["state"] == "waking" for each in self._fake.machines):
            return None
        return not any(job["state"] in ("queued", "running") for job in self._fake.jobs.values())

    def _machine(self, request: web.Request) -> dict[str, Any]:
        return next(each for each in self._fake.machines if each["id"] == request.match_info["id"])

    def _gathered(self) -> list[dict[str, Any]]:
        return [job for job in self._fake.jobs.values() if job["waiting_for"] == "gathered" and job["state"] == "queued"]


def machine_sleeps(fake: Fake) -> bool | None:
    """What is said with a cancelled job."""
    return _Calls(fake).machine_sleeps()
