"""The two kinds of signature in the ledger, as bytes in and bytes out.

P-256 for entries and the issuer statement, because every browser's WebCrypto verifies it; Ed25519 for
checkpoints, because C2SP signed notes use it. Public keys travel as DER SubjectPublicKeyInfo. A claim key is
of a third kind, the chain's, and is known by its address alone.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import cast

import sha3
from coincurve import PublicKey
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

_SHA256 = ec.ECDSA(hashes.SHA256())
_SHA256_REPEATABLE = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)


def sign_p256(key: ec.EllipticCurvePrivateKey, message: bytes, *, repeatable: bool = False) -> bytes:
    """64 bytes, r ‖ s, of ECDSA with SHA-256; a `repeatable` one is the same each time (RFC 6979)."""
    r, s = decode_dss_signature(key.sign(message, _SHA256_REPEATABLE if repeatable else _SHA256))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def verifies_p256(public_key_der: bytes, message: bytes, signature: bytes) -> bool:
    key = _p256(public_key_der)
    if key is None or len(signature) != 64:
        return False
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    try:
        key.verify(der, message, _SHA256)
    except InvalidSignature:
        return False
    return True


def verifies_ed25519(public_key_der: bytes, message: bytes, signature: bytes) -> bool:
    key = _load(public_key_der)
    if not isinstance(key, ed25519.Ed25519PublicKey):
        return False
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def public_der(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def raw_ed25519(public_key_der: bytes) -> bytes:
    """The 32 raw bytes of an Ed25519 key. Raises ValueError for any other key."""
    key = _load(public_key_der)
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise ValueError("not an Ed25519 key")
    return key.public_bytes_raw()


def address_of(private_key: bytes) -> bytes:
    """The 20-byte Ethereum address of a secp256k1 key of 32 bytes. Raises ValueError for what is none."""
    point = PublicKey.from_secret(private_key).format(compressed=False)[1:]
    return bytes(sha3.keccak_256(point).digest()[12:])


def key_id(public_key_der: bytes) -> bytes:
    """How a key is named everywhere: SHA-256 of its SubjectPublicKeyInfo. The root's is the issuer id."""
    return hashlib.sha256(public_key_der).digest()


@lru_cache(maxsize=64)  # an issuer has a few
def _load(public_key_der: bytes) -> object:
    """None for what is no key, or is one in another spelling: a compressed point, a curve by its numbers."""
    try:
        key = serialization.load_der_public_key(public_key_der)
    except (ValueError, UnsupportedAlgorithm):
        return None
    spelling = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return key if spelling == public_key_der else None


@lru_cache(maxsize=64)
def _p256(public_key_der: bytes) -> ec.EllipticCurvePublicKey | None:
    """None for a key of any other kind."""
    key = _load(public_key_der)
    is_one = isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1"
    return cast(ec.EllipticCurvePublicKey, key) if is_one else None


def public_key_in(data: bytes) -> bytes:
    """The DER public key in a PEM key, a PEM certificate or DER bytes. Raises ValueError."""
    if b"BEGIN CERTIFICATE" in data:
        key: object = x509.load_pem_x509_certificate(data).public_key()
    elif b"BEGIN PUBLIC KEY" in data:
        key = serialization.load_pem_public_key(data)
    else:
        key = serialization.load_der_public_key(data)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("not an elliptic curve key")
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
