"""How a case of `evidence.json` is written: a file, what is changed in it, and the verdict it must get."""

from __future__ import annotations

from typing import Any

from tests.unit.ledger.evidence_files import BLOCK_MS, Issuer, sign_statement

Vectors = dict[str, Any]
N = 1  # the invoice that everything here is about: two lines, made out to a company


def case(
    name: str,
    verdict: str,
    step: str | None,
    *edits: Vectors,
    file: str = "invoice",
    pin: str | None = "issuer",
    chain: str | None = None,
    told: Vectors | None = None,
    **spelled: Any,
) -> Vectors:
    """`spelled`: what is done to the file's bytes, `replace` or `pad_to`; most cases have neither."""
    return {
        "name": name,
        "file": file,
        "edits": list(edits),
        "pin": pin,
        "chain": chain,
        "verdict": verdict,
        "step": step,
        "told": told,
        **spelled,
    }


def told(operator: str = "the tests", block_number: int = 7, **standing: Any) -> Vectors:
    """What a verifier tells of the chain: of the block that took the head first, and what became of it."""
    told_of = {"state": "free", "notes": 0, "time_ms": None} | standing
    return {
        "operator": operator,
        "block_number": block_number,
        "time_ms": BLOCK_MS,
        "standing": told_of,
    }


def put(value: Any, *at: str | int) -> Vectors:
    return {"at": list(at), "put": value}


def remove(*at: str | int) -> Vectors:
    return {"at": list(at), "remove": True}


def restated(issuer: Issuer, value: Any, *at: str | int) -> tuple[Vectors, Vectors]:
    """Edits by which the statement says another thing, and is signed by the root all the same."""
    document = issuer.statement.to_json()
    target: Any = document
    for key in at[:-1]:
        target = target[key]
    target[at[-1]] = value
    signature = sign_statement(document, issuer.root)["signature"]
    return put(value, "issuer", "statement", *at), put(signature, "issuer", "signature")


UNSEALED = (put(None, "index"), put(None, "checkpoint"), put([], "inclusion"))
