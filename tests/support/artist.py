"""An artist's side of docs/wire.md, in the fewest words a test needs."""

from __future__ import annotations

import hashlib
from types import TracebackType
from typing import Any

import requests

from tests.support.events import EventReader

STYLE = "practice-gouache"


class Refused(AssertionError):
    """The service said no. `status`, `code`, `title` and `hint` are those of its problem document."""

    def __init__(self, answer: requests.Response) -> None:
        self.status = answer.status_code
        self.problem: dict[str, Any] = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        self.code: str | None = self.problem.get("code")
        self.title: str = self.problem.get("title", "")
        self.hint: str = self.problem.get("hint", "")
        super().__init__(f"{answer.request.method} {answer.request.path_url}: {self.status} {answer.text[:500]}")


class Artist:
    """Calls of one token. Each raises Refused for an answer that is not 2xx; `ask` gives the bare answer."""

    def __init__(self, endpoint: str, token: str | None) -> None:
        self.endpoint = endpoint
        self.token = token
        self._session = requests.Session()
        self._session.trust_env = False
        if token is not None:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> Artist:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of connections."""
        self._session.close()

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """One call, whatever it answers; `options` as for requests."""
        return self._session.request(method, self.endpoint + path, timeout=30, **options)

    def call(self, method: str, path: str, **options: Any) -> Any:
        """One call that must succeed; its JSON, or None when there is no body."""
        answer = self.ask(method, path, **options)
        if not answer.ok:
            raise Refused(answer)
        return answer.json() if answer.content else None

    def upload(self, data: bytes) -> str:
        """Sends a picture; gives its checksum."""
        checksum = hashlib.sha256(data).hexdigest()
        self.call("PUT", f"/v1/blobs/{checksum}", data=data)
        return checksum

    def generate(self, prompt: str = "a lighthouse", *, key: str | None = None, **fields: Any) -> dict[str, Any]:
        """Asks for a picture (64 x 64 from text, unless told otherwise); gives the job."""
        body: dict[str, Any] = {"mode": "text_to_image", "prompt": prompt, "style": STYLE}
        if fields.get("mode", "text_to_image") == "text_to_image":
            body |= {"width": 64, "height": 64}
        headers = {} if key is None else {"Idempotency-Key": key}
        job: dict[str, Any] = self.call("POST", "/v1/generate", json=body | fields, headers=headers)["job"]
        return job

    def job(self, job_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.call("GET", f"/v1/jobs/{job_id}")
        return answer

    def jobs(self, **query: Any) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = self.call("GET", "/v1/jobs", params=query)["jobs"]
        return answer

    def cancel(self, job_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.call("DELETE", f"/v1/jobs/{job_id}")
        return answer

    def result(self, job_id: str, n: int = 0) -> bytes:
        """The bytes of picture `n`."""
        answer = self.ask("GET", f"/v1/jobs/{job_id}/results/{n}")
        if not answer.ok:
            raise Refused(answer)
        return answer.content

    def wake(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.call("POST", "/v1/wake")
        return answer

    def machines(self) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = self.call("GET", "/v1/machines")["machines"]
        return answer

    def me(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.call("GET", "/v1/me")
        return answer

    def events(self, *, after: int | None = None, stream: str | None = None) -> EventReader:
        """Her event stream, from a position or from a snapshot on."""
        return EventReader(self.endpoint, self.token or "", after=after, stream=stream)
