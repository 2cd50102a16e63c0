"""Whom we believe that a service is the one it says: this computer's own store of authorities, then one file of hers."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path

from ..i18n import tr
from .errors import ServiceError
from .libraries import requests, truststore


def context(authority: str = "") -> ssl.SSLContext:
    """TLS that trusts what this computer trusts, and who is in the file `authority` (PEM). Raises ServiceError.

    Windows and macOS judge with their own means, so that what an admin has distributed there counts.
    """
    made: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if sys.platform not in ("win32", "darwin") and not _has_usual_places():
        made.load_verify_locations(cafile=requests.certs.where())
    if authority:
        try:
            made.load_verify_locations(cafile=authority)
        except (OSError, ssl.SSLError) as error:
            reason = error.strerror if type(error) is not ssl.SSLError and error.strerror else tr("it holds no certificate")
            raise ServiceError(
                tr("The certificate file {path} cannot be used: {reason}.", path=authority, reason=reason),
                tr("Choose another one in the settings; it is a text that begins with BEGIN CERTIFICATE."),
                code="invalid_authority",
                action="settings",
            ) from error
    return made


def _has_usual_places() -> bool:
    """Whether OpenSSL knows where this system keeps its authorities; an AppImage's own one looks where there is nothing."""
    paths = ssl.get_default_verify_paths()
    return paths.cafile is not None or (paths.capath is not None and any(Path(paths.capath).iterdir()))
