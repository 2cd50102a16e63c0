"""One account among those that moto keeps: its number, its backends, and how a request reaches them."""

from __future__ import annotations

import importlib
import itertools
import re
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import moto.core.responses
from moto import backend_index
from moto.backends import get_backend
from moto.core.base_backend import BackendDict
from moto.core.exceptions import HTTPException
from moto.core.model_instances import reset_model_data
from moto.core.request import Request
from moto.s3.models import FakeKey, FakeMultipart, s3_backends

from tests.aws.cloud.responses import Ec2Response

# moto goes through all methods of a service at every call; they do not change.
moto.core.responses.method_names_from_class = cache(moto.core.responses.method_names_from_class)

_numbers = itertools.count(100_000_000_001)
Handler = Callable[..., tuple[int, Any, Any]]


class Account:
    """Everything an account has, kept apart from other accounts by its number, so that clouds do not see each other."""

    def __init__(self, region: str) -> None:
        self.region = region
        self.number = str(next(_numbers))

    def backend(self, service: str) -> Any:
        """moto's own memory of a service."""
        return get_backend(service)[self.number][self.region]

    def replace(self, service: str, backend: Any) -> None:
        """From now on `backend` is that memory."""
        get_backend(service)[self.number][self.region] = backend

    def answer(self, method: str, url: str, headers: dict[str, str], body: Any) -> tuple[int, dict[str, str], bytes]:
        """What moto answers to one request: status, headers, body."""
        request = Request.from_primitives(method, url, {**headers, "x-moto-account-id": self.number}, body)
        try:
            status, sent, text = _handler(url)(request, request.raw_url, request.headers)
        except HTTPException as error:
            status, sent, text = error.code or 500, dict(error.get_headers()), error.get_body()
        return status, dict(sent), text.encode() if isinstance(text, str) else bytes(text or b"")

    def close(self) -> None:
        """Forgets all of it. moto keeps S3's objects in open files, also those that were replaced."""
        others = {}
        for kind in (FakeKey, FakeMultipart):
            others[kind] = [one for one in kind.instances_tracked if one.account_id != self.number]
            for one in kind.instances_tracked:
                if one.account_id == self.number:
                    one.dispose()
        for backends in list(BackendDict._instances):
            backends.pop(self.number, None)
        for bucket, (_, owner) in list(s3_backends.bucket_accounts.items()):
            if owner == self.number:
                del s3_backends.bucket_accounts[bucket]
        reset_model_data()
        for kind, kept in others.items():
            kind.instances_tracked = kept


def _handler(url: str) -> Handler:
    parts = urlsplit(url)
    place = f"{parts.scheme}://{parts.netloc}{parts.path}"
    for pattern, handler in _handlers(_service(f"{parts.scheme}://{parts.netloc}/")):
        if pattern.match(place):
            return handler
    raise LookupError(f"The stand-in knows nothing at {place}.")


@cache
def _service(origin: str) -> str:
    for service, pattern in backend_index.backend_url_patterns:
        if pattern.match(origin):
            return str(service)
    raise LookupError(f"The stand-in knows no service at {origin}.")


@cache
def _handlers(service: str) -> list[tuple[re.Pattern[str], Handler]]:
    urls = importlib.import_module(f"moto.{service}.urls")
    found = [(re.compile(path.format(base)), handler) for base in urls.url_bases for path, handler in urls.url_paths.items()]
    return [(pattern, Ec2Response.dispatch) for pattern, _ in found] if service == "ec2" else found
