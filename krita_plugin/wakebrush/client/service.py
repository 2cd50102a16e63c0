"""The calls of docs/wire.md, one method each. Blocking: for worker threads only. Every call has a deadline."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from typing import Any
from urllib.parse import quote

from ..i18n import tr
from ..version import API, CLIENT_HEADER
from .catalogue import Models
from .config import Connection
from .errors import Incompatible, Problem, ServiceError, Stopped, Unreachable, from_answer
from .libraries import requests
from .model import Cancelled, CancelledAll, Held, Job, Machine, Me, Price, PriceQuote, Style, moment
from .timings import Timings
from .transport import Sockets, broken, new_session

QUICK = (5.0, 15.0)  # (connect, read) in seconds: questions that are answered from memory
PICTURE = (5.0, 60.0)  # uploads and downloads: `read` is the longest silence, not the whole transfer
_CHUNK = 256 * 1024


class Service:
    """One service with one token. Thread-safe; `close` ends all calls under way, they raise Stopped."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._sockets = Sockets()
        self._local = threading.local()
        self._sessions: list[Any] = []
        self.timings = Timings()

    def close(self) -> None:
        """Ends every call under way within moments, from any thread."""
        self._sockets.shut()
        for session in list(self._sessions):
            session.close()  # what rests in their pools; what is in use was shut just now, and is closed by its user

    def me(self) -> Me:
        return Me.parse(self._json("GET", "/v1/me"))

    def styles(self) -> list[Style]:
        return [Style.parse(each) for each in self._json("GET", "/v1/styles")["styles"]]

    def models(self) -> Models:
        """What the machines have to paint with, with licences; known also while all sleep."""
        return Models.parse(self._json("GET", "/v1/models"))

    def machines(self) -> list[Machine]:
        return [Machine.parse(each) for each in self._json("GET", "/v1/machines")["machines"]]

    def wake(self) -> tuple[Machine | None, Price]:
        """Says that she is about to paint."""
        answer = self._json("POST", "/v1/wake")
        machine = answer.get("machine")
        return (None if machine is None else Machine.parse(machine)), Price.parse(answer.get("price"))

    def upload(self, sha256: str, content: bytes, media_type: str = "image/png") -> None:
        """Makes sure that the service holds a picture for this artist; sends it only when it does not."""
        path = f"/v1/blobs/{sha256}"
        if self._send("HEAD", path, allowed=(404,)).status_code != 404:
            return
        self._send("PUT", path, data=content, headers={"Content-Type": media_type}, timeout=PICTURE)

    def generate(self, request: dict[str, Any], idempotency_key: str) -> tuple[Job, Price]:
        """Asks for pictures. The same key with the same request gives the same job, however often it is sent."""
        answer = self._json("POST", "/v1/generate", json=request, headers={"Idempotency-Key": idempotency_key})
        return Job.parse(answer["job"]), Price.parse(answer.get("price"))

    def job(self, job_id: str) -> Job:
        return Job.parse(self._json("GET", f"/v1/jobs/{quote(job_id, safe='')}"))

    def jobs(self, state: str = "queued,running", limit: int = 50) -> list[Job]:
        """Her jobs in some states, the newest first."""
        answer = self._json("GET", "/v1/jobs", params={"state": state, "limit": limit})
        return [Job.parse(each) for each in answer["jobs"]]

    def cancel(self, job_id: str) -> Cancelled:
        return Cancelled.parse(self._json("DELETE", f"/v1/jobs/{quote(job_id, safe='')}"))

    def cancel_all(self, which: str = "mine") -> CancelledAll:
        """Lets go of all unfinished jobs; `which`: `mine`, or `all` (admins only)."""
        answer = self._json("DELETE", "/v1/jobs", params={"which": which})
        return CancelledAll(int(answer["cancelled"]), answer.get("machine_sleeps"))

    def front(self, job_id: str) -> Job:
        """Puts a job before her other waiting ones."""
        return Job.parse(self._json("POST", f"/v1/jobs/{quote(job_id, safe='')}/front"))

    def price(self, body: dict[str, Any]) -> PriceQuote:
        """What a request would cost now; `{"gathered": True}`: what all that she has gathered would cost."""
        return PriceQuote.parse(self._json("POST", "/v1/price", json=body))

    def release_gathered(self) -> tuple[list[Job], Price]:
        """All that she has gathered is painted now; wakes a machine."""
        answer = self._json("POST", "/v1/gathered/release")
        return [Job.parse(each) for each in answer["jobs"]], Price.parse(answer.get("price"))

    def hold(self, machine_id: str, seconds: float) -> Held:
        """Keeps a machine awake from now on, so long at most as the service allows."""
        answer = self._json("PUT", f"/v1/machines/{quote(machine_id, safe='')}/hold", json={"seconds": seconds})
        return Held(Machine.parse(answer["machine"]), Price.parse(answer.get("price")), moment(answer.get("until")))

    def let_go(self, machine_id: str) -> Machine:
        """The machine may sleep again when nobody needs it."""
        return Machine.parse(self._json("DELETE", f"/v1/machines/{quote(machine_id, safe='')}/hold")["machine"])

    def result(self, job_id: str, n: int, sha256: str) -> bytes:
        """The picture's file. Raises Unreachable when what arrived is not what `sha256` says."""
        answer = self._send("GET", f"/v1/jobs/{quote(job_id, safe='')}/results/{n}", timeout=PICTURE, stream=True)
        try:
            content = b"".join(answer.iter_content(_CHUNK))
        except (requests.RequestException, OSError, ValueError) as error:
            raise self._broken(error) from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise Unreachable(self.connection.endpoint, tr("The picture arrived damaged."))
        return content

    def poll(self, position: dict[str, str], wait: int) -> dict[str, Any]:
        """The long-poll twin of the event stream. `position`: `after` and `stream`, or empty; `wait`: seconds, 0 to 30."""
        answer: dict[str, Any] = self._json("GET", "/v1/events", params={**position, "wait": wait}, timeout=(5.0, wait + 15.0))
        return answer

    def pair(self, code: str, computer: str) -> dict[str, Any]:
        """Turns an invitation's code into a token; `computer` becomes its name. The one call that needs none."""
        answer: dict[str, Any] = self._json("POST", "/v1/pair", json={"code": code, "computer": computer})
        return answer

    def plugin(self) -> dict[str, Any]:
        """Which version of the plugin the service offers: `version`, `url`, `sha256`, `api`."""
        answer: dict[str, Any] = self._json("GET", "/v1/plugin", judge=False)
        return answer

    def plugin_file(self, place: str, most: int) -> bytes:
        """The plugin's zip at a place of this service. Raises ServiceError when it is longer than `most` bytes."""
        answer = self._send("GET", place, timeout=PICTURE, stream=True, judge=False)
        content = b""
        try:
            with contextlib.closing(answer):
                for chunk in answer.iter_content(_CHUNK):
                    content += chunk
                    if len(content) > most:
                        raise from_answer(answer.status_code, None)
        except (requests.RequestException, OSError) as error:
            raise self._broken(error) from error
        return content

    def _json(self, method: str, path: str, **options: Any) -> Any:
        answer = self._send(method, path, **options)
        try:
            return answer.json()
        except ValueError as error:
            raise from_answer(answer.status_code, None) from error

    def _send(
        self, method: str, path: str, *, allowed: tuple[int, ...] = (), timeout: Any = QUICK, judge: bool = True, **options: Any
    ) -> Any:
        if self._sockets.closed:
            raise Stopped
        headers = {"Wakebrush-Client": CLIENT_HEADER, **options.pop("headers", {})}
        if self.connection.token:
            headers["Authorization"] = f"Bearer {self.connection.token}"
        begun, status = time.monotonic(), 0
        try:
            answer = self._session().request(
                method,
                self.connection.endpoint + path,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,  # a redirect would carry the token elsewhere
                **options,
            )
            status = answer.status_code
        except (requests.RequestException, OSError) as error:
            raise self._broken(error) from error
        finally:
            self.timings.note(method, path, status, time.monotonic() - begun)
        if answer.status_code in allowed or 200 <= answer.status_code < 300:
            if judge:
                check_version(answer.headers.get("Wakebrush-Service"))
            return answer
        raise problem_in(answer)

    def _session(self) -> Any:
        if not hasattr(self._local, "session"):
            self._local.session = new_session(self._sockets, self.connection)
            self._sessions.append(self._local.session)
        return self._local.session

    def _broken(self, error: Exception) -> ServiceError:
        return Stopped() if self._sockets.closed else broken(self.connection, error)


def problem_in(answer: Any) -> ServiceError:
    """The exception for an answer of requests that is not a success."""
    try:
        body = answer.json()
    except (requests.RequestException, OSError, ValueError):
        body = None
    return from_answer(answer.status_code, body, answer.headers.get("Wakebrush-Service", ""))


def check_version(header: str | None) -> None:
    """Judges `Wakebrush-Service: VERSION; api=MIN-MAX`. Raises Incompatible; an unknown form passes, calls will tell."""
    if not header or "api=" not in header:
        return
    version, _, supported = header.partition(";")
    low, _, high = supported.partition("api=")[2].strip().partition("-")
    if not low.isdigit() or not (high or low).isdigit():
        return
    if int(low) > API:
        raise Incompatible.plugin_too_old(version.strip())
    if int(high or low) < API:
        raise Incompatible.service_too_old(version.strip())


def is_lasting(error: ServiceError) -> bool:
    """Whether sending the same again would only fail again."""
    if isinstance(error, Problem):
        return not error.temporary
    return not isinstance(error, (Unreachable, Stopped))
