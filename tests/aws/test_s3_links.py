"""Links to pictures, before a server that checks them: what has ended or was changed is refused."""

from __future__ import annotations

import hashlib
import hmac
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit, urlunsplit

import botocore.session
import pytest
import requests

from tests.support.s3 import inline
from wake_service.aws.clients import Aws
from wake_service.blobs.base import BlobMissing
from wake_service.blobs.s3 import S3Blobs
from wake_service.clock import ManualClock

SERVER = Path(__file__).resolve().parents[2] / "build" / "tools" / "s3rver" / "node_modules" / ".bin" / "s3rver"
PICTURE = bytes(range(256)) * 100
SHA256 = hashlib.sha256(PICTURE).hexdigest()
DEADLINE = 30


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of S3's interface on this computer, with one bucket."""
    assert SERVER.exists(), f"{SERVER} is missing: `bash .ci/bootstrap test` installs it and says why if it cannot"
    folder = tmp_path_factory.mktemp("s3rver")
    node = shutil.which("node") or "node"
    command = [node, str(SERVER), "-d", str(folder), "-a", "127.0.0.1", "-p", "0", "--configure-bucket", "pictures"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            assert server.stdout is not None
            found = next((match for line in server.stdout if (match := re.search(r"127\.0\.0\.1:(\d+)", line))), None)
            assert found is not None, "s3rver ended before it listened"
            yield f"http://127.0.0.1:{found[1]}"
        finally:
            server.kill()


@pytest.fixture
def store(endpoint: str) -> S3Blobs:
    session = botocore.session.Session()
    session.set_credentials("S3RVER", "S3RVER")
    return S3Blobs(Aws("us-east-1", ManualClock(), endpoint=endpoint, run=inline, session=session), "pictures", prefix="blobs/")


def fetch(link: str) -> requests.Response:
    return requests.get(link, timeout=DEADLINE)


def changed(link: str, **values: str) -> str:
    parts = urlsplit(link)
    query = {name: found[0] for name, found in parse_qs(parts.query).items()}
    return urlunsplit(parts._replace(query=urlencode(query | values)))


async def test_a_link_gives_the_picture_to_whoever_has_it(store: S3Blobs) -> None:
    await store.put(PICTURE)
    answer = fetch(await store.link(SHA256, 60, "a picture.png", "image/png"))
    assert (answer.status_code, answer.content) == (200, PICTURE)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == 'inline; filename="a picture.png"'


async def test_a_link_that_has_ended_is_refused(store: S3Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    await store.put(PICTURE)
    # Signed as if yesterday: the same as waiting, without waiting.
    yesterday = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=1)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: yesterday)
    link = store._aws.client("s3").generate_presigned_url("get_object", Params=store._place(SHA256), ExpiresIn=60)
    assert f"{yesterday:%Y%m%d}" in link
    answer = fetch(link)
    assert answer.status_code == 403
    assert PICTURE[:100] not in answer.content


def signed(link: str) -> bool:
    """Whether a link's signature is the one of all that it says, by AWS's description of Signature Version 4.

    s3rver looks at the time of such links but does not work out their signature; S3 does.
    """
    parts = urlsplit(link)
    query = dict(parse_qsl(parts.query))
    given, scope = query.pop("X-Amz-Signature"), query["X-Amz-Credential"].split("/", 1)[1]
    said = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(query.items()))
    canonical = f"GET\n{parts.path}\n{said}\nhost:{parts.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    text = f"AWS4-HMAC-SHA256\n{query['X-Amz-Date']}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = b"AWS4S3RVER"
    for part in [*scope.split("/"), text]:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.compare_digest(key.hex(), given)


@pytest.mark.parametrize(
    "tampered",
    [
        lambda link: changed(link, **{"X-Amz-Expires": "604800"}),
        lambda link: changed(link, **{"X-Amz-Date": "20990101T000000Z"}),
        lambda link: changed(link, **{"response-content-type": "text/html"}),
        lambda link: changed(link, **{"X-Amz-Signature": "0" * 64}),
        lambda link: link.replace(SHA256, hashlib.sha256(b"another").hexdigest()),
    ],
    ids=["for longer", "from another day", "as html", "another signature", "another picture"],
)
async def test_a_link_that_was_changed_bears_a_wrong_signature(store: S3Blobs, tampered: Callable[[str], str]) -> None:
    await store.put(PICTURE)
    link = await store.link(SHA256, 60, "a.png", "image/png")
    assert signed(link)
    assert not signed(tampered(link))


async def test_a_link_lasts_twelve_hours_at_most(store: S3Blobs) -> None:
    await store.put(PICTURE)
    link = await store.link(SHA256, 7 * 86_400, "a.png", "image/png")
    assert parse_qs(urlsplit(link).query)["X-Amz-Expires"] == ["43200"]


async def test_there_is_no_link_to_what_is_not_there(store: S3Blobs) -> None:
    with pytest.raises(BlobMissing):
        await store.link(hashlib.sha256(b"nothing of the kind").hexdigest(), 60, "a.png", "image/png")
