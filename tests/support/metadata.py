"""A stand-in for EC2's instance metadata service, version 2: what a machine asks about itself, over HTTP.

    python -m tests.support.metadata --host 169.254.169.254 --port 80 --state FILE

FILE is JSON as State has it, read at every call, so that a test changes what the machine hears by writing it anew. As the
real one it wants a session for everything, refuses sessions over a proxy, and knows no version 1.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-categories.html
"""

from __future__ import annotations

import argparse
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LONGEST_SESSION = 21_600


@dataclass
class State:
    """What there is to know. `interruption_at`, `rebalance_at`: epoch seconds; `role`: none when empty."""

    machine: str = "i-0123456789abcdef0"
    region: str = "us-east-1"
    zone: str = "us-east-1a"
    instance_type: str = "g5.xlarge"
    spot: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    interruption_at: float | None = None
    rebalance_at: float | None = None
    role: str = "wakebrush-machine"
    access_key: str = "ASIASTANDIN"
    secret_key: str = "stand-in"
    session_token: str = "stand-in"

    def write(self, file: Path) -> None:
        """For a server that reads it from there."""
        draft = file.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(self)), encoding="utf-8")
        draft.replace(file)

    @staticmethod
    def read(file: Path) -> State:
        return State(**json.loads(file.read_text(encoding="utf-8")))


class StandIn(ThreadingHTTPServer):
    """Serves what `state` returns. `calls`: method and path of each; `forget` ends all sessions, as a restart of it would."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], state: Callable[[], State], now: Callable[[], float] = time.time) -> None:
        super().__init__(address, _Handler)
        self.state = state
        self.now = now
        self.calls: list[tuple[str, str]] = []
        self.sessions: dict[str, float] = {}

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def forget(self) -> None:
        self.sessions.clear()


class _Handler(BaseHTTPRequestHandler):
    server: StandIn
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        self.server.calls.append(("PUT", self.path))
        age = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if self.path != "/latest/api/token":
            self._answer(404, "")
        elif "X-Forwarded-For" in self.headers:
            self._answer(403, "")
        elif not age.isdecimal() or not 1 <= int(age) <= LONGEST_SESSION:
            self._answer(400, "")
        else:
            session = secrets.token_urlsafe(40)
            self.server.sessions[session] = self.server.now() + int(age)
            self._answer(200, session, {"X-aws-ec2-metadata-token-ttl-seconds": age})

    def do_GET(self) -> None:
        self.server.calls.append(("GET", self.path))
        until = self.server.sessions.get(self.headers.get("X-aws-ec2-metadata-token", ""), 0.0)
        if until <= self.server.now():
            self._answer(401, "")
            return
        found = answer(self.server.state(), self.path, self.server.now())
        self._answer(404, "") if found is None else self._answer(200, found)

    def _answer(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": "text/plain", "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """It has nothing to tell."""


def answer(state: State, path: str, now: float) -> str | None:
    """What is at a path; None: nothing."""
    if path == "/latest/dynamic/instance-identity/document":
        return json.dumps(_document(state))
    room, _, rest = path.removeprefix("/latest/meta-data/").partition("/")
    match room:
        case "instance-id":
            return state.machine
        case "instance-type":
            return state.instance_type
        case "instance-life-cycle":
            return "spot" if state.spot else "on-demand"
        case "placement":
            return {"region": state.region, "availability-zone": state.zone}.get(rest)
        case "tags" if rest.rstrip("/") == "instance":
            return "\n".join(sorted(state.tags))
        case "tags":
            return state.tags.get(rest.removeprefix("instance/"))
        case "spot" if rest == "instance-action" and state.interruption_at is not None:
            return json.dumps({"action": "stop", "time": _text(state.interruption_at)})
        case "events" if rest == "recommendations/rebalance" and state.rebalance_at is not None:
            return json.dumps({"noticeTime": _text(state.rebalance_at)})
        case "iam" if state.role:
            return _rights(state, rest, now)
    return None


def _document(state: State) -> dict[str, Any]:
    return {
        "accountId": "123456789012",
        "availabilityZone": state.zone,
        "instanceId": state.machine,
        "instanceType": state.instance_type,
        "region": state.region,
        "version": "2017-09-30",
    }


def _rights(state: State, path: str, now: float) -> str | None:
    if path.rstrip("/") == "security-credentials":
        return state.role
    if path != f"security-credentials/{state.role}":
        return None
    given = {"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": _text(now)}
    keys = {"AccessKeyId": state.access_key, "SecretAccessKey": state.secret_key, "Token": state.session_token}
    return json.dumps({**given, **keys, "Expiration": _text(now + timedelta(hours=6).total_seconds())})


def _text(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def serving(state: State, now: Callable[[], float] = time.time) -> Iterator[StandIn]:
    """One on loopback, for as long as this lasts."""
    with StandIn(("127.0.0.1", 0), lambda: state, now) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.metadata", description="EC2's metadata service.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free; the first line printed is the URL")
    parser.add_argument("--state", type=Path, required=True, help="JSON, read at every call")
    asked = parser.parse_args()
    with StandIn((asked.host, asked.port), lambda: State.read(asked.state)) as server:
        print(server.url, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
