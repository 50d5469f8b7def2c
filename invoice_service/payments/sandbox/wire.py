"""The wire format between a merchant and the sandbox: what is signed, and how fields are read.

It follows WeChat Pay v3. A request carries the merchant's P-256 signature over method, path, time,
nonce and body in its Authorization header. Replies and notices carry the service's signature over
time, nonce and body in four headers of their own. A signature is always over the raw bytes: a
signature over parsed and re-encoded JSON breaks on the first field order that differs.

This module is the only thing the two sides share. It holds no state and talks to nobody.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

AUTHORIZATION_SCHEME = "SANDBOX-P256-SHA256"
EVENT_PAID = "TRANSACTION.SUCCESS"
NOT_FOUND = "ORDER_NOT_EXIST"  # the signed `code` of a 404: the status line itself is not signed

MAX_AMOUNT_FEN = 10**12  # far above any payment, far below what a database integer holds
MAX_BODY_BYTES = 16_384  # a notice is about 400 bytes

_ECDSA = ec.ECDSA(hashes.SHA256())
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_NONCE = re.compile(r"[0-9A-Za-z]{8,64}", re.ASCII)
_AUTHORIZATION = re.compile(
    AUTHORIZATION_SCHEME + r' mchid="([0-9A-Za-z_-]{1,32})",timestamp="([0-9]{1,12})",'
    r'nonce="([0-9A-Za-z]{8,64})",signature="([0-9A-Za-z+/=]{1,200})"',
    re.ASCII,
)


class Unreadable(ValueError):
    """A message that does not follow the format; the text says where."""


# -- keys and signatures ------------------------------------------------------------------------


def load_private_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    """Raises ValueError unless `pem` is an unencrypted P-256 private key."""
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("the private key is not a P-256 key")
    return key


def load_public_key(pem: bytes) -> ec.EllipticCurvePublicKey:
    """Raises ValueError unless `pem` is a P-256 public key."""
    key = serialization.load_pem_public_key(pem)
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("the public key is not a P-256 key")
    return key


def key_serial(key: ec.EllipticCurvePublicKey) -> str:
    """Names a key, so that a reader knows at once which one to check against."""
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki).hexdigest()[:32].upper()


def _sign(key: ec.EllipticCurvePrivateKey, message: bytes) -> str:
    return base64.b64encode(key.sign(message, _ECDSA)).decode("ascii")


def _is_signed(key: ec.EllipticCurvePublicKey, signature: str, message: bytes) -> bool:
    try:
        key.verify(base64.b64decode(signature, validate=True), message, _ECDSA)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


# -- requests: the merchant signs ---------------------------------------------------------------


def request_message(method: str, path: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    return f"{method}\n{path}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"


def authorization(
    key: ec.EllipticCurvePrivateKey,
    merchant_id: str,
    *,
    method: str,
    path: str,
    body: bytes,
    timestamp_s: int,
    nonce: str,
) -> str:
    """The Authorization header of one request."""
    signature = _sign(key, request_message(method, path, str(timestamp_s), nonce, body))
    return (
        f'{AUTHORIZATION_SCHEME} mchid="{merchant_id}",timestamp="{timestamp_s}",'
        f'nonce="{nonce}",signature="{signature}"'
    )


def authorized_merchant(
    header: str, key: ec.EllipticCurvePublicKey, *, method: str, path: str, body: bytes
) -> tuple[str, int] | None:
    """(merchant id, timestamp in seconds) of a request signed by `key`; None when it is not."""
    match = _AUTHORIZATION.fullmatch(header)
    if match is None:
        return None
    merchant_id, timestamp, nonce, signature = match.groups()
    if not _is_signed(key, signature, request_message(method, path, timestamp, nonce, body)):
        return None
    return merchant_id, int(timestamp)


# -- replies and notices: the service signs -----------------------------------------------------


def notice_message(timestamp: str, nonce: str, body: bytes) -> bytes:
    return f"{timestamp}\n{nonce}\n".encode() + body + b"\n"


def signed_headers(
    key: ec.EllipticCurvePrivateKey, serial: str, *, body: bytes, timestamp_s: int, nonce: str
) -> dict[str, str]:
    """The four headers that go with a reply or a notice."""
    return {
        "Sandbox-Timestamp": str(timestamp_s),
        "Sandbox-Nonce": nonce,
        "Sandbox-Signature": _sign(key, notice_message(str(timestamp_s), nonce, body)),
        "Sandbox-Serial": serial,
    }


def signed_at_s(headers: Mapping[str, str], body: bytes, key: ec.EllipticCurvePublicKey) -> int | None:
    """The signed time of a reply or notice in Unix seconds; None unless `key` signed these bytes."""
    named = {name.lower(): value for name, value in headers.items()}
    timestamp, nonce = named.get("sandbox-timestamp", ""), named.get("sandbox-nonce", "")
    if named.get("sandbox-serial") != key_serial(key):
        return None
    if not _TIMESTAMP.fullmatch(timestamp) or not _NONCE.fullmatch(nonce):
        return None
    if not _is_signed(key, named.get("sandbox-signature", ""), notice_message(timestamp, nonce, body)):
        return None
    return int(timestamp)


def is_fresh(timestamp_s: int, now: datetime, max_age_s: int) -> bool:
    """Neither too old (a replay) nor from the future (a signature kept for later)."""
    return abs(now.timestamp() - timestamp_s) <= max_age_s


# -- bodies -------------------------------------------------------------------------------------


def dump(fields: Mapping[str, object]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def load(body: bytes) -> Mapping[str, object]:
    """The JSON object in `body`. Raises Unreadable."""
    if len(body) > MAX_BODY_BYTES:
        raise Unreadable(f"the body has {len(body)} bytes; {MAX_BODY_BYTES} are allowed")
    try:
        return _object(json.loads(body.decode("utf-8")), "the body")
    except (ValueError, RecursionError) as error:
        raise Unreadable("the body is not JSON") from error


def section(fields: Mapping[str, object], name: str) -> Mapping[str, object]:
    return _object(fields.get(name), name)


def _object(value: object, name: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise Unreadable(f"{name} is not an object")
    return value


def text(fields: Mapping[str, object], name: str, *, most: int) -> str:
    """A string of 1 to `most` characters without control characters."""
    value = fields.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= most or not value.isprintable():
        raise Unreadable(f"{name} is not a text of 1 to {most} printable characters")
    return value


def reference(fields: Mapping[str, object], name: str) -> str:
    """A merchant's or the service's reference: what may stand in a path unescaped."""
    value = text(fields, name, most=64)
    if not is_reference(value):
        raise Unreadable(f"{name} holds other characters than letters, digits, - and _")
    return value


def is_reference(value: str) -> bool:
    return re.fullmatch(r"[0-9A-Za-z_-]{1,64}", value, re.ASCII) is not None


def amount_fen(fields: Mapping[str, object], name: str, *, least: int = 1) -> int:
    """A whole number of fen. True is no amount, and neither is 12.0."""
    value = fields.get(name)
    if type(value) is not int or not least <= value <= MAX_AMOUNT_FEN:
        raise Unreadable(f"{name} is not a whole number of fen from {least} to {MAX_AMOUNT_FEN}")
    return value


def instant(fields: Mapping[str, object], name: str) -> datetime:
    """An ISO 8601 instant with its offset, as UTC."""
    try:
        value = datetime.fromisoformat(text(fields, name, most=40))
        if value.tzinfo is None:
            raise ValueError("no offset from UTC")
        return value.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Unreadable(f"{name} is not an ISO 8601 instant with an offset from UTC") from error


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
