"""What a machine's guard answers to somebody at its public address."""

from __future__ import annotations

import warnings
from typing import Any

import requests
import urllib3

from tests.aws.cloud import GUARD_PORT

SECONDS = 60.0


def ask(address: str, path: str, token: str | None, *, method: str = "GET", **options: Any) -> requests.Response:
    """The answer to one request with that token; the certificate is not looked at."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    with warnings.catch_warnings(), requests.Session() as session:
        warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
        session.trust_env = False  # no proxy of this computer's
        url = f"https://{address}:{GUARD_PORT}{path}"
        return session.request(method, url, headers=headers, verify=False, timeout=SECONDS, **options)
