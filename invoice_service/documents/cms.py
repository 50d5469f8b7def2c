"""A CMS signature as PAdES wants it: over a digest, by a certificate that the signature itself names.

The names come from RFC 5652 and RFC 5035 (`signing-certificate-v2`: without it a signature could be
passed off as another certificate's for the same key). It is written by hand, since of its bytes only the
digest and the signature ever change: a general library takes as long over it as over the whole page.
Signing is deterministic (RFC 6979), so that the same page is the same file.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from invoice_service.keyring import Keyring

_ECDSA = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
_MOST_SIGNATURE_BYTES = 72  # ECDSA on P-256 in DER: two numbers of up to 33 bytes each

_INTEGER, _OCTETS, _TAGGED_0, _SEQUENCE, _SET = 0x02, 0x04, 0xA0, 0x30, 0x31
_DATA = bytes.fromhex("06092a864886f70d010701")
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_CONTENT_TYPE = bytes.fromhex("06092a864886f70d010903")
_MESSAGE_DIGEST = bytes.fromhex("06092a864886f70d010904")
_SIGNING_CERTIFICATE_V2 = bytes.fromhex("060b2a864886f70d010910022f")
_SHA256 = bytes.fromhex("300b0609608648016503040201")
_ECDSA_WITH_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")


@dataclass(frozen=True, slots=True)
class Chain:
    """What of a signature depends on its certificates alone, in DER."""

    certificates: bytes
    signer_name: bytes  # whose certificate: its issuer and serial number
    signer_digest: bytes  # the attribute that names it by its digest


@dataclass(frozen=True, slots=True)
class Signer:
    chain: Chain
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def most_bytes(self) -> int:
        """No signature of this signer is longer."""
        return len(_signed_data(self.chain, _attributes(self.chain, bytes(32)), bytes(_MOST_SIGNATURE_BYTES)))

    def sign(self, digest: bytes) -> bytes:
        """The signature over data with this SHA-256 digest; the data are not in it."""
        attributes = _attributes(self.chain, digest)
        return _signed_data(self.chain, attributes, self.key.sign(_der(_SET, attributes), _ECDSA))


@lru_cache(maxsize=8)
def chain(certificate_pem: str, root_pem: str) -> Chain:
    own, root = (x509.load_pem_x509_certificate(pem.encode()) for pem in (certificate_pem, root_pem))
    own_der, root_der = (cert.public_bytes(serialization.Encoding.DER) for cert in (own, root))
    serial = own.serial_number.to_bytes(own.serial_number.bit_length() // 8 + 1)
    named = _der(_SEQUENCE, _der(_SEQUENCE, _der(_SEQUENCE, _octets(hashlib.sha256(own_der).digest()))))
    return Chain(
        certificates=_der(_TAGGED_0, *sorted((own_der, root_der))),
        signer_name=_der(_SEQUENCE, own.issuer.public_bytes(), _der(_INTEGER, serial)),
        signer_digest=_attribute(_SIGNING_CERTIFICATE_V2, named),
    )


def signer_of(keys: Keyring) -> Signer:
    """The issuer's signature on PDFs."""
    return Signer(chain(keys.paper_certificate, keys.root_certificate), keys.paper)


def _attributes(chain: Chain, digest: bytes) -> bytes:
    """In the order that DER wants of a set: by their bytes."""
    parts = (
        _attribute(_CONTENT_TYPE, _DATA), _attribute(_MESSAGE_DIGEST, _octets(digest)), chain.signer_digest
    )  # fmt: skip
    return b"".join(sorted(parts))


def _signed_data(chain: Chain, attributes: bytes, signature: bytes) -> bytes:
    one = _der(_INTEGER, b"\x01")  # the version of both: a plain content type, a signer by issuer and serial
    signer = _der(
        _SEQUENCE, one, chain.signer_name, _SHA256, _der(_TAGGED_0, attributes), _ECDSA_WITH_SHA256,
        _octets(signature),
    )  # fmt: skip
    signed = _der(
        _SEQUENCE, one, _der(_SET, _SHA256), _der(_SEQUENCE, _DATA), chain.certificates, _der(_SET, signer)
    )
    return _der(_SEQUENCE, _SIGNED_DATA, _der(_TAGGED_0, signed))


def _attribute(kind: bytes, value: bytes) -> bytes:
    return _der(_SEQUENCE, kind, _der(_SET, value))


def _octets(value: bytes) -> bytes:
    return _der(_OCTETS, value)


def _der(tag: int, *parts: bytes) -> bytes:
    value = b"".join(parts)
    if len(value) < 128:
        return bytes((tag, len(value))) + value
    size = len(value).to_bytes((len(value).bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(size))) + size + value
