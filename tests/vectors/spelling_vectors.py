"""Evidence as bytes: what a file may look like on disk, and where a lenient parser would hide what it says.

A case puts a mark into the file, and its written form takes other bytes in the mark's place: so a vector can
hold what no JSON can, and thousands of digits in one line.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from invoice_service.ledger.entry import commit_body
from invoice_service.ledger.evidence import MAX_BYTES
from tests.unit.ledger.evidence_files import Issuer, salt, sign_p256
from tests.vectors.cases import UNSEALED, N, Vectors, case, put

MARK = "HERE"
NUMBER_AT = ("body", "total_fen")  # 2000
TEXT_AT = ("body", "remarks")  # empty


def spelling_cases(issuer: Issuer) -> list[Vectors]:
    plain = [*_sizes(), *_numbers(), *_indexes(), *_names(), *_strings(), *_surrogates()]
    return [*plain, *_replacements(issuer)]


def _sizes() -> list[Vectors]:
    return [
        case("as long as may be", "genuine", None, pad_to=MAX_BYTES),
        case("a byte too long", "unreadable", None, pad_to=MAX_BYTES + 1),
    ]


def _numbers() -> list[Vectors]:
    return [
        _number("a number as it was", "genuine", None, "2000"),
        _number("minus zero for zero", "genuine", None, "-0", "body", "lines", 0, "tax_fen"),
        _number("a number of 4,300 digits", "altered", "body", "2", times=4300),
        _number("a number of 4,301 digits", "unreadable", None, "2", times=4301),
        _number("a number beyond every float", "altered", "body", "1e999"),
        _number("a number that is no JSON", "unreadable", None, "NaN"),
        _number("a leading zero", "unreadable", None, "02000"),
        _number("a plus", "unreadable", None, "+2000"),
    ]


def _indexes() -> list[Vectors]:
    right = 3
    return [
        _number("index of minus zero", "altered", "inclusion", "-0", "index"),
        _number("index of 10^30", "altered", "inclusion", f"{10**30}", "index"),
        _number("the right index beyond 2^64", "altered", "inclusion", f"{2**64 + right}", "index"),
        _number("index of 4,300 digits", "altered", "inclusion", "9", "index", times=4300),
        _number("index of 4,301 digits", "unreadable", None, "9", "index", times=4301),
    ]


def _names() -> list[Vectors]:
    twice = '2000,"total_fen":2000'
    return [
        _number("a name twice, deep in it", "unreadable", None, twice),
        _number("a name twice, once escaped", "unreadable", None, twice.replace("total_", "total\\u005f")),
        case("a name escaped", "genuine", None, replace=_by('"body_salt"', '"body\\u005fsalt"')),
    ]


def _strings() -> list[Vectors]:
    return [
        _text("a text escaped", "genuine", None, b"\\u0050E01", "body", "market", "code"),
        _text("a byte that is no UTF-8", "unreadable", None, b"\xff"),
        _text("a slash of two bytes", "unreadable", None, b"\xc0\xaf"),
        _text("half a pair as UTF-8", "unreadable", None, b"\xed\xa0\x80"),
        _text("a character beyond Unicode", "unreadable", None, b"\xf4\x90\x80\x80"),
        _text("a control character", "unreadable", None, b"\x01"),
        _text("a line end in a text", "unreadable", None, b"\n"),
        _text("a byte order mark in a text", "altered", "body", b"\xef\xbb\xbf"),
    ]


def _surrogates() -> list[Vectors]:
    """A lone one can be read, and is in no document of ours."""
    lone = b"\\ud800"
    return [
        _text("a lone surrogate in the body", "altered", "body", lone),
        _text("a pair the wrong way round", "altered", "body", b"\\udc00\\ud800"),
        _text("a lone surrogate in the buyer", "altered", "buyer", lone, "buyer", "name"),
        _text("a lone surrogate in the statement", "altered", "issuer", lone, "issuer", "statement", "name"),
        _text("a lone surrogate for a note", "altered", "inclusion", lone, "checkpoint"),
    ]


def _replacements(issuer: Issuer) -> list[Vectors]:
    """Encoders that write U+FFFD for a lone surrogate take the file for one that was issued with U+FFFD."""
    body = issuer.invoices[N] | {"remarks": "\ufffd"}
    commitment = commit_body(salt(f"invoice {N}"), body)[1]
    entry = dataclasses.replace(issuer.entries[2 * N + 1], body_commitment=commitment).encode()
    signed = (put(entry.hex(), "entry"), put(sign_p256(issuer.working, entry).hex(), "signature"))

    def issued(name: str, verdict: str, step: str, by: str) -> Vectors:
        return case(name, verdict, step, *signed, *UNSEALED, put(MARK, *TEXT_AT), replace=_by(MARK, by))

    return [
        issued("a replacement character", "undecided", "inclusion", "\\ufffd"),
        issued("a lone surrogate for a replacement character", "altered", "body", "\\ud800"),
    ]


def _number(name: str, verdict: str, step: str | None, by: str, *at: str | int, times: int = 1) -> Vectors:
    """In the place of a whole value."""
    return case(name, verdict, step, put(MARK, *(at or NUMBER_AT)), replace=_by(f'"{MARK}"', by, times))


def _text(name: str, verdict: str, step: str | None, by: bytes, *at: str | int) -> Vectors:
    """Between the quotes of a text."""
    edit = put(MARK, *(at or TEXT_AT))
    return case(name, verdict, step, edit, replace={"this": MARK, "by_hex": by.hex(), "times": 1})


def _by(this: str, by: str, times: int = 1) -> dict[str, Any]:
    return {"this": this, "by_hex": by.encode().hex(), "times": times}
