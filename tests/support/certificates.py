"""Self-signed certificates, as a machine makes one at its first boot."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificate:
    """`fingerprint` is the SHA-256 of the certificate in DER, 64 hex digits; `file` holds key and certificate (PEM)."""

    file: Path
    fingerprint: str

    def context(self) -> ssl.SSLContext:
        """TLS for a server that shows it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file)
        return context


def self_signed(
    folder: Path, name: str = "machine", *, days_old: float = 0, good_for_days: float = 3650, host: str | None = None
) -> Certificate:
    """A new key and a certificate for it that nobody but its fingerprint vouches for; by its own dates it was made so many days
    ago, and good for so many from then. With `host` it is a certificate for that name, to whoever trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made_at = datetime.now(UTC) - timedelta(days=days_old, hours=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(made_at)
        .not_valid_after(made_at + timedelta(days=good_for_days))
    )
    if host is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    file = folder / f"{name}.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return Certificate(file, certificate.fingerprint(hashes.SHA256()).hex())
