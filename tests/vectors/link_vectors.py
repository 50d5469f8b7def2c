"""Signed links, each with one change, and what a verifier must say of it (SPEC.md section 10)."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import date
from typing import Any

from invoice_service.ledger import link
from invoice_service.ledger.entry import Kind
from invoice_service.ledger.link import Facts
from tests.unit.ledger.evidence_files import MADE_MS, Issuer, sign_p256, sign_statement
from tests.vectors.cases import N, Vectors
from tests.vectors.working_key_vectors import odd_keys

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
DAY = date(2026, 11, 23)  # of MADE_MS, too
HOLDS, NO_KEY, REVOKED = ("signed", "holds"), ("unsigned", "no_key"), ("unsigned", "revoked")
REVOKED_LATER, NO_STATEMENT = ("undecided", "revoked_later"), ("undecided", "no_statement")
DAY_STARTS_MS = 1_795_363_200_000  # midnight in Shanghai


def link_vectors(issuer: Issuer) -> Vectors:
    body = issuer.invoices[N]
    facts = Facts(Kind.INVOICE, body["number"], DAY, body["total_fen"])
    good = {
        "an invoice": facts,
        "a credit note": replace(facts, kind=Kind.CREDIT_NOTE, number="26539000000000000009", total_fen=750),
        "least": Facts(Kind.INVOICE, "0" * 20, date(1970, 1, 1), 0),
        "greatest": Facts(Kind.CREDIT_NOTE, "9" * 20, date(2149, 6, 6), 2**48 - 1),
    }
    return {
        "about": "bad: no links. cases: what is said of a code by a verifier's own statement and pin.",
        "issuer_id": issuer.id.hex(),
        "pins": {"issuer": issuer.id.hex(), "another": Issuer(66).id.hex()},
        "statements": _statements(issuer),
        "good": [_described(name, each, issuer) for name, each in good.items()],
        "cases": [
            *_signature_cases(issuer, facts),
            *_changed_cases(issuer, facts),
            *_key_cases(issuer, facts),
        ],
        "bad": [{"name": name, "code": code} for name, code in _no_links(code_of(issuer, facts)).items()],
        "scanned": _scanned(code_of(issuer, facts)),
    }


def code_of(issuer: Issuer, facts: Facts) -> str:
    return link.code_of(facts, issuer_id=issuer.id, key=issuer.working)


def _described(name: str, facts: Facts, issuer: Issuer) -> Vectors:
    return {
        "name": name,
        "kind": int(facts.kind),
        "number": facts.number,
        "day": facts.day.isoformat(),
        "total_fen": facts.total_fen,
        "facts": facts.encode().hex(),
        "message": _message(issuer, facts).hex(),
        "code": code_of(issuer, facts),
    }


def _statements(issuer: Issuer) -> Vectors:
    document = issuer.statement.to_json()
    entry_key, log_key = document["keys"]

    def signed(*keys: Any) -> Vectors:
        return sign_statement(document | {"keys": list(keys)}, issuer.root)

    gone = entry_key | {"revoked_ms": MADE_MS}
    return {
        "plain": issuer.signed_statement(),
        "revoked": signed(gone, log_key),
        "revoked at midnight": signed(entry_key | {"revoked_ms": DAY_STARTS_MS}, log_key),
        "revoked, and listed again": signed(gone, entry_key, log_key),
        "after keys of no use": signed(*odd_keys(issuer).values(), entry_key, log_key),
        "for heads only": signed(odd_keys(issuer)["P-256 for heads"], log_key),
        "another": Issuer(66).signed_statement(),
    }


def _case(
    name: str,
    code: str,
    said: tuple[str, str],
    *,
    statement: str | None = "plain",
    pin: str | None = "issuer",
) -> Vectors:
    verdict, reason = said
    return {
        "name": name,
        "code": code,
        "statement": statement,
        "pin": pin,
        "verdict": verdict,
        "reason": reason,
    }


def _signature_cases(issuer: Issuer, facts: Facts) -> list[Vectors]:
    data = facts.encode()
    signature = sign_p256(issuer.working, _message(issuer, facts))
    r, s = signature[:32], int.from_bytes(signature[32:], "big")
    negated = (P256_ORDER - s).to_bytes(32, "big")
    elsewhere = sign_p256(issuer.working, _message(Issuer(66), facts))
    untagged = sign_p256(issuer.working, data)
    as_entry = sign_p256(issuer.working, issuer.entries[2 * N + 1].encode())
    by_root = sign_p256(issuer.root, _message(issuer, facts))
    return [
        _case("signed", _spelled(data + signature), HOLDS),
        _case("s negated is as good", _spelled(data + r + negated), HOLDS),
        _case("r and s swapped", _spelled(data + signature[32:] + r), NO_KEY),
        _case("s is zero", _spelled(data + r + bytes(32)), NO_KEY),
        _case("all zero", _spelled(data + bytes(64)), NO_KEY),
        _case("s beyond the order", _spelled(data + r + bytes([255]) * 32), NO_KEY),
        _case("signed for another issuer by the same key", _spelled(data + elsewhere), NO_KEY),
        _case("signed without tag and issuer", _spelled(data + untagged), NO_KEY),
        _case("its entry's signature", _spelled(data + as_entry), NO_KEY),
        _case("signed by the root key", _spelled(data + by_root), NO_KEY),
    ]  # fmt: skip


def _changed_cases(issuer: Issuer, facts: Facts) -> list[Vectors]:
    signature = sign_p256(issuer.working, _message(issuer, facts))
    changed = {
        "another total": replace(facts, total_fen=facts.total_fen + 100_000),
        "another number": replace(facts, number="26539000000000000003"),
        "another day": replace(facts, day=date(2026, 11, 24)),
        "another kind": replace(facts, kind=Kind.CREDIT_NOTE),
    }
    of_another = code_of(Issuer(66), facts)
    return [
        *(_case(name, _spelled(each.encode() + signature), NO_KEY) for name, each in changed.items()),
        _case("another issuer's", of_another, NO_KEY),
        _case("another issuer's, by its own", of_another, HOLDS, statement="another", pin="another"),
    ]  # fmt: skip


def _key_cases(issuer: Issuer, facts: Facts) -> list[Vectors]:
    code = code_of(issuer, facts)
    next_day = code_of(issuer, replace(facts, day=date(2026, 11, 24)))
    earlier = code_of(issuer, replace(facts, day=date(2026, 11, 1)))
    return [
        _case("for a day before the key was made", earlier, HOLDS),
        _case("the key revoked later that day", code, REVOKED_LATER, statement="revoked"),
        _case("the key revoked, an earlier day", earlier, REVOKED_LATER, statement="revoked"),
        _case("the key revoked, a later day", next_day, REVOKED, statement="revoked"),
        _case("revoked as the day began", code, REVOKED, statement="revoked at midnight"),
        _case("revoked, and listed again", code, REVOKED_LATER, statement="revoked, and listed again"),
        _case("keys of no use come first", code, HOLDS, statement="after keys of no use"),
        _case("by a key for heads", code, NO_KEY, statement="for heads only"),
        _case("no statement at hand", code, NO_STATEMENT, statement=None),
        _case("no pin", code, NO_STATEMENT, pin=None),
        _case("a statement of another than the pin's", code, NO_STATEMENT, pin="another"),
    ]  # fmt: skip


def _no_links(code: str) -> dict[str, str]:
    data = base64.urlsafe_b64decode(code + "==")
    return {
        "nothing": "",
        "a character less": code[:-1],
        "a character more": code + "A",
        "cut in half": code[:55],
        "in capitals": code.upper(),
        "in small letters": code.lower(),
        "with padding": code + "==",
        "a line end": code + "\n",
        "a space in front": " " + code[1:],
        "trailing junk": code + "/../admin",
        "the standard alphabet": base64.b64encode(data).decode().rstrip("=").replace("A", "+"),
        "a bit that nothing reads": code[:-1] + chr(ord(code[-1]) + 1),
        "kind 0": _spelled(b"\x00" + data[1:]),
        "kind SALE": _spelled(b"\x01" + data[1:]),
        "kind 255": _spelled(b"\xff" + data[1:]),
        "a number of 21 digits": _spelled(data[:1] + (10**20).to_bytes(9, "big") + data[10:]),
        "full-width characters": code[:-1] + "\uff21",
        "escaped for an address": code.replace("A", "%41"),
    }


def _scanned(code: str) -> list[Vectors]:
    """What a camera reads or somebody pastes, and the code in it."""
    known = [
        code,
        f"https://invoices.example.com/v/{code}",
        f"http://192.168.1.20:8000/v/{code}",
        f"https://anybody.example/some/folder/v/{code}",
        f" https://invoices.example.com/v/{code}\r\n",
        f"https://invoices.example.com/v/{code}?from=chat#top",
    ]
    unknown = [
        "",
        "26539000000000000002",
        f"https://invoices.example.com/verify?number={'26539000000000000002'}",
        f"https://invoices.example.com/v/{code[:-1]}",
        f"https://invoices.example.com/v/{code}/",
        f"https://invoices.example.com/v/{code}.html",
        f"https://invoices.example.com/V/{code}",
        f"https://invoices.example.com/?/v/{code}",
        f"https://invoices.example.com/#/v/{code}",
        f"https:///v/{code}",
        f"javascript:alert(1)//v/{code}",
        f"https://\u5047.example/v/{code}",
        f"see https://invoices.example.com/v/{code}",
        f"{code} {code}",
        f"\u00a0{code}",
    ]
    found = dict.fromkeys(known, code) | dict.fromkeys(unknown)
    return [{"text": text, "code": its_code} for text, its_code in found.items()]


def _message(issuer: Issuer, facts: Facts) -> bytes:
    """Word for word as SPEC.md says it."""
    return b"SLLINK01" + issuer.id + facts.encode()


def _spelled(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
