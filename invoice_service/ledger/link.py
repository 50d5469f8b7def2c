"""The signed link in an invoice's QR code: number, day and total under the issuer's signature.

A code that is scanned from paper at 2 cm holds no evidence, only a link. So the link itself is signed, and
whoever knows the issuer's keys tells without a network that the issuer wrote it. It proves three facts and no
more: not that the invoice stands in the log, nor what became of it. `SPEC.md` section 10 is the authority.
"""

from __future__ import annotations

import base64
import re
import struct
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec

from invoice_service.domain.numbering import SHANGHAI
from invoice_service.ledger.entry import SIGNATURE_BYTES, Kind
from invoice_service.ledger.keys import sign_p256, verifies_p256
from invoice_service.ledger.statement import IssuerStatement

TAG = b"SLLINK01"
CODE_CHARACTERS = 110
NUMBER_DIGITS = 20
TOTAL_MAX_FEN = 2**48 - 1
SIGNED, UNSIGNED, UNDECIDED = "signed", "unsigned", "undecided"

_LAYOUT = struct.Struct(">B9sH6s")
_KINDS = {int(kind): kind for kind in (Kind.INVOICE, Kind.CREDIT_NOTE)}
_EPOCH = date(1970, 1, 1)
_CODE = re.compile(rf"[A-Za-z0-9_-]{{{CODE_CHARACTERS}}}")
_SCANNED = re.compile(rf'https?://[!-"$->@-~]+/v/({_CODE.pattern})(?:[?#][!-~]*)?')  # before ? and #: neither
_SCANNED_MAX = 2_000  # characters; no QR code holds more than 4,296


class NotALink(ValueError):
    """The text is no link of this version, or one in another spelling."""


@dataclass(frozen=True, slots=True)
class Facts:
    """`kind` INVOICE or CREDIT_NOTE; `number` 20 digits; `day` of issue in Shanghai; the total as printed."""

    kind: Kind
    number: str
    day: date
    total_fen: int

    def encode(self) -> bytes:
        """18 bytes."""
        number, total = int(self.number).to_bytes(9, "big"), self.total_fen.to_bytes(6, "big")
        return _LAYOUT.pack(self.kind, number, (self.day - _EPOCH).days, total)

    @classmethod
    def decode(cls, data: bytes) -> Facts:
        """Raises NotALink."""
        kind, number, days, total = _LAYOUT.unpack(data)
        digits = f"{int.from_bytes(number, 'big'):0{NUMBER_DIGITS}d}"
        if kind not in _KINDS or len(digits) != NUMBER_DIGITS:
            raise NotALink("not a document of a known kind, or not a number of 20 digits")
        return cls(_KINDS[kind], digits, _EPOCH + timedelta(days), int.from_bytes(total, "big"))


@dataclass(frozen=True, slots=True)
class Link:
    """Read, and not believed."""

    facts: Facts
    signature: bytes


@dataclass(frozen=True, slots=True)
class Judgement:
    """`verdict` signed, unsigned or undecided; `reason` names why."""

    verdict: str
    reason: str


def code_of(facts: Facts, *, issuer_id: bytes, key: ec.EllipticCurvePrivateKey) -> str:
    """The last part of a link: the same for the same facts and key, so that paper can be made again."""
    signature = sign_p256(key, _message(issuer_id, facts), repeatable=True)
    return base64.urlsafe_b64encode(facts.encode() + signature).decode().rstrip("=")


def address(public_url: str, code: str) -> str:
    """What stands in the QR code. No fragment: a phone that opens it is answered without any script."""
    return f"{public_url}/v/{code}"


def read(code: str) -> Link:
    """Raises NotALink unless `code` is exactly one; what it returns is still to be judged."""
    if not _CODE.fullmatch(code):
        raise NotALink(f"a code has {CODE_CHARACTERS} characters of base64url")
    data = base64.urlsafe_b64decode(code + "==")
    if base64.urlsafe_b64encode(data).decode().rstrip("=") != code:
        raise NotALink("a bit that nothing reads")
    return Link(Facts.decode(data[:-SIGNATURE_BYTES]), data[-SIGNATURE_BYTES:])


def code_in(text: str) -> str | None:
    """The code in what was scanned or typed: in an address, whose host means nothing, or alone."""
    if len(text) > _SCANNED_MAX:
        return None
    text = text.strip(" \t\r\n")
    if _CODE.fullmatch(text):
        return text
    found = _SCANNED.fullmatch(text)
    return found and found[1]


def judge(link: Link, statement: IssuerStatement | None, *, trusted_issuer: bytes | None) -> Judgement:
    """By the verifier's own statement: a link brings none. Without one of the trusted issuer, undecided."""
    if statement is None or statement.issuer_id != trusted_issuer:
        return Judgement(UNDECIDED, "no_statement")
    message = _message(statement.issuer_id, link.facts)
    for key in statement.keys:
        if key.use == "entry" and verifies_p256(key.public_key, message, link.signature):
            return _by_key(key.revoked_ms, link.facts.day)
    return Judgement(UNSIGNED, "no_key")


def _by_key(revoked_ms: int | None, day: date) -> Judgement:
    """A link does not say when it was made, only for which day: whoever stole a key writes any day."""
    if revoked_ms is None:
        return Judgement(SIGNED, "holds")
    if _start_ms(day) >= revoked_ms:
        return Judgement(UNSIGNED, "revoked")
    return Judgement(UNDECIDED, "revoked_later")


def _start_ms(day: date) -> int:
    start = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
    return int(start.astimezone(UTC).timestamp()) * 1000


def _message(issuer_id: bytes, facts: Facts) -> bytes:
    return TAG + issuer_id + facts.encode()
