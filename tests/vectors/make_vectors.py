"""Make the vectors that others check their verifiers against: `python -m tests.vectors.make_vectors`.

Everything comes from fixed keys and deterministic signatures, so making them again changes nothing; a
test compares. `tree.json` alone is not made here: its values are the certificate-transparency
reference implementation's.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec

from invoice_service.domain.access import access_day_body, record_document
from invoice_service.domain.period import PeriodKind, period_of
from invoice_service.domain.standing import Change, Seen, attestation
from invoice_service.domain.vat_return import Sums, fill, forms, return_body
from invoice_service.flow.issue import make_claim_key
from invoice_service.ledger import canonical, checkpoint, entry, tree
from invoice_service.ledger.entry import NO_ADDRESS, NO_COMMITMENT, Entry, Kind
from invoice_service.ledger.keys import key_id, public_der
from scripts.lib.paths import ROOT
from tests.unit.ledger.evidence_files import (
    BLOCK_MS,
    MADE_MS,
    ORIGIN,
    Issuer,
    salt,
    sign_p256,
    sign_statement,
)
from tests.vectors.cases import N, Vectors
from tests.vectors.chain_vectors import COMPANY, chain_vectors
from tests.vectors.credit_note_vectors import credit_note, refund
from tests.vectors.evidence_vectors import evidence_vectors, under_anothers_id
from tests.vectors.link_vectors import link_vectors
from tests.vectors.log_vectors import log_vectors
from tests.vectors.proof_vectors import proof_vectors
from tests.vectors.working_key_vectors import compressed, named, odd_keys

FOLDER = ROOT / "tests" / "vectors"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def main() -> None:
    for name, content in vectors().items():
        (FOLDER / name).write_bytes(as_bytes(content))


def vectors() -> dict[str, Vectors]:
    issuer = Issuer()
    return {
        "canonical.json": canonical_vectors(),
        "keys.json": key_vectors(issuer),
        "documents.json": document_vectors(issuer),
        "access.json": access_vectors(),
        "entry.json": entry_vectors(issuer),
        "tiles.json": tile_vectors(),
        "proofs.json": proof_vectors(issuer),
        "checkpoint.json": checkpoint_vectors(issuer),
        "chain.json": chain_vectors(issuer),
        "statement.json": statement_vectors(issuer),
        "evidence.json": evidence_vectors(issuer),
        "log.json": log_vectors(issuer),
        "link.json": link_vectors(issuer),
    }


def as_bytes(content: Vectors) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n"


def canonical_vectors() -> Vectors:
    good = {
        "keys are sorted": {"b": 1, "a": 2, "B": 3, "": 4},
        "lists keep their order": [3, 1, 2, [], {}],
        "the three names": [None, True, False],
        "whole numbers": [0, -1, 2**53 - 1, -(2**53 - 1)],
        "escapes of RFC 8785": '€$\u000f\nA\'B"\\\\"/',
        "short escapes": "\b\t\n\f\r",
        "what is not escaped": "摊票链 \u007f\u2028 <&> 😀",
    }
    bad = {
        "keys not sorted": b'{"b":1,"a":2}',
        "a space": b'{"a": 1}',
        "a line end": b"1\n",
        "a key twice": b'{"a":1,"a":1}',
        "a float": b"1.5",
        "a whole number as a float": b"1.0",
        "an exponent": b"1e2",
        "minus zero": b"-0",
        "too large a number": b"9007199254740992",
        "an escape without need": b'"\\u0041"',
        "a slash escaped": b'"\\/"',
        "a lone surrogate": b'"\\ud800"',
        "a key that is not ASCII": '{"é":1}'.encode(),
        "not UTF-8": b'"\xff"',
        "a byte order mark": b"\xef\xbb\xbf1",
        "no number": b"NaN",
        "nothing": b"",
        "two values": b"1 1",
    }
    return {
        "about": "bad: these bytes (hex) are not the canonical form of anything.",
        "good": [
            {"name": name, "value": value, "canonical": canonical.encode(value).decode()}
            for name, value in good.items()
        ],
        "bad": [{"name": name, "hex": data.hex()} for name, data in bad.items()],
    }


def key_vectors(issuer: Issuer) -> Vectors:
    message, other = b"stall ledger", b"stall ledgeR"
    signature = sign_p256(issuer.working, message)
    r, s = signature[:32], int.from_bytes(signature[32:], "big")
    scalars = {name: f"{scalar:064x}" for name, scalar in issuer.scalars.items()}
    ders = {"root": issuer.root, "entry": issuer.working, "checkpoint": issuer.log_key}
    claim_key, claim_address = make_claim_key(N.to_bytes(32, "big"))
    return {
        "about": "P-256 root and entry keys, an Ed25519 checkpoint key, a secp256k1 claim key.",
        "keys": [
            {
                "name": name,
                "private": scalars[name],
                "public_key": base64.b64encode(public_der(key)).decode(),
                "id": key_id(public_der(key)).hex(),
            }
            for name, key in ders.items()
        ],
        "issuer_id": issuer.id.hex(),
        "log_id": issuer.epoch.log_id.hex(),
        "claim": {"private": claim_key.hex(), "address": claim_address.hex()},
        "p256": [
            _signed("good", message, signature, holds=True),
            _signed("s negated is as good", message, r + (P256_ORDER - s).to_bytes(32, "big"), holds=True),
            _signed("another message", other, signature, holds=False),
            _signed("r and s swapped", message, signature[32:] + r, holds=False),
            _signed("s is zero", message, r + bytes(32), holds=False),
            _signed("all zero", message, bytes(64), holds=False),
            _signed("s beyond the order", message, r + bytes([255]) * 32, holds=False),
            _signed("cut", message, signature[:-1], holds=False),
            _signed("a byte more", message, signature + b"\0", holds=False),
        ],
    }


def _signed(name: str, message: bytes, signature: bytes, *, holds: bool) -> Vectors:
    return {
        "name": name,
        "key": "entry",
        "message": message.hex(),
        "signature": signature.hex(),
        "holds": holds,
    }


def document_vectors(issuer: Issuer) -> Vectors:
    documents = {
        "sale": (issuer.sales[N], salt(f"sale {N}"), entry.commit_body),
        "invoice": (issuer.invoices[N], salt(f"invoice {N}"), entry.commit_body),
        "buyer": (issuer.buyers[N], salt(f"buyer {N}"), entry.commit_buyer),
        "buyer, a person": (issuer.buyers[2], salt("buyer 2"), entry.commit_buyer),
        "refund": (refund(issuer), salt("refund"), entry.commit_body),
        "credit-note": (credit_note(issuer), salt("credit note"), entry.commit_body),
        "access_day": (access_day(issuer), salt("access day"), entry.commit_body),
        "return": (vat_return(issuer, 0), salt("return 0"), entry.commit_body),
        "return, amended": (vat_return(issuer, 1), salt("return 1"), entry.commit_body),
        "claim": (claimed(issuer, Change.CLAIMED), salt("claim"), entry.commit_body),
        "release": (claimed(issuer, Change.RELEASED), salt("release"), entry.commit_body),
    }
    return {"about": "Each document with its salt, canonical bytes and commitment."} | {
        name: {
            "value": value,
            "salt": its_salt.hex(),
            "canonical": commit(its_salt, value)[0].decode(),
            "commitment": commit(its_salt, value)[1].hex(),
        }
        for name, (value, its_salt, commit) in documents.items()
    }


def claimed(issuer: Issuer, change: Change) -> Vectors:
    """The invoice's claim, or its release, as an event of the block that took the head."""
    invoice = issuer.entries[2 * N + 1]
    seen = Seen(
        invoice=invoice.body_commitment,
        claim_address=invoice.claim_address,
        claimant=COMPANY,
        epoch=issuer.epoch.nonce,
        transaction=salt(change.value),
        place=0,
        at=datetime.fromtimestamp(BLOCK_MS / 1000, UTC),
    )
    return attestation(change, seen, issuer=issuer.id.hex())


ACCESS_DAY = date(2026, 11, 23)
ACCESS_RECORDS: tuple[Vectors, ...] = (
    {"account_id": 4, "role": "operator", "who": "王主任", "action": "account.invite", "market_id": 1,
     "vendor_id": 1, "subject": "李秀英", "reason": None},
    {"account_id": 6, "role": "officer", "who": "张税官", "action": "vendor.look", "market_id": 1,
     "vendor_id": 1, "subject": "李秀英", "reason": "抽查 2026-11"},
    {"account_id": None, "role": "service", "who": "service", "action": "export", "market_id": None,
     "vendor_id": None, "subject": "", "reason": None},
)  # fmt: skip


def access_documents() -> list[Vectors]:
    """The records of one day, the first at noon in Shanghai and the last in its last millisecond."""
    times = (datetime(2026, 11, 23, 4, tzinfo=UTC), datetime(2026, 11, 23, 6, 30, 0, 123_000, tzinfo=UTC),
             datetime(2026, 11, 23, 15, 59, 59, 999_000, tzinfo=UTC))  # fmt: skip
    return [
        record_document(values | {"id": 10 + 2 * n, "at": at, "blind": UUID(bytes=salt(f"blind {n}")[-16:])})
        for n, (values, at) in enumerate(zip(ACCESS_RECORDS, times, strict=True))
    ]


def access_day(issuer: Issuer) -> Vectors:
    leaves = [tree.leaf_hash(canonical.encode(document)) for document in access_documents()]
    root = tree.root_of(leaves)
    return access_day_body(issuer=issuer.id.hex(), day=ACCESS_DAY, size=len(ACCESS_RECORDS), root=root)


def vat_return(issuer: Issuer, amendment: int) -> Vectors:
    """Over three entries as first sealed; a fourth came in late."""
    first = None if amendment == 0 else vat_return(issuer, 0)
    leaves = [tree.leaf_hash(each.encode()) for each in issuer.entries[: 3 + amendment]]
    sums = Sums(exempt_fen=2_500, taxable_fen=1_486 + 743 * amendment)
    period = period_of(PeriodKind.QUARTER, ACCESS_DAY)
    return return_body(
        issuer=issuer.id.hex(),
        market="PE01",
        seller={"name": "李秀英", "tax_id": "92532528MA6L45LX6L", "kind": "small_scale"},
        period=(period.first_day, period.last_day),
        cells={str(cell.line): cell.fen for cell in fill(forms()[0], period, "92532528MA6L45LX6L", sums)},
        size=len(leaves),
        root=tree.root_of(leaves),
        amendment=amendment,
        amends=None if first is None else entry.commit_body(salt("return 0"), first)[1],
    )


def access_vectors() -> Vectors:
    """With the paths by which each record proves that it is one of the day's."""
    records = [canonical.encode(document) for document in access_documents()]
    leaves = [tree.leaf_hash(record) for record in records]
    return {
        "about": "A day's access records, and the path of each to the day's root.",
        "root": tree.root_of(leaves).hex(),
        "records": [
            {
                "value": document,
                "canonical": record.decode(),
                "leaf": leaf.hex(),
                "path": [step.hex() for step in tree.path_in(leaves, n)],
            }
            for n, (document, record, leaf) in enumerate(
                zip(access_documents(), records, leaves, strict=True)
            )
        ],
    }


def entry_vectors(issuer: Issuer) -> Vectors:
    edge = Entry(Kind.RETURN, bytes([255]) * 32, NO_ADDRESS, bytes([1]) * 32, NO_COMMITMENT, 2**53 - 1)
    least = Entry(Kind.SALE, bytes(32), NO_ADDRESS, NO_COMMITMENT, NO_COMMITMENT, 0)
    invoice = issuer.entries[2 * N + 1].encode()
    of_claim = entry.commit_body(salt("claim"), claimed(issuer, Change.CLAIMED))[1]
    claim = Entry(Kind.CLAIM, issuer.id, NO_ADDRESS, of_claim, NO_COMMITMENT, BLOCK_MS)
    good = {
        "sale": issuer.entries[2 * N],
        "invoice": issuer.entries[2 * N + 1],
        "least": least,
        "greatest": edge,
        "claim": claim,
    }
    bad = {
        "nothing": b"",
        "a byte less": invoice[:-1],
        "a byte more": invoice + b"\0",
        "another version": b"SLENTRY2" + invoice[8:],
        "kind 0": invoice[:8] + b"\x00" + invoice[9:],
        "kind 9": invoice[:8] + b"\x09" + invoice[9:],
        "lower-case tag": b"slentry1" + invoice[8:],
    }
    return {
        "about": "bytes in hex; leaf is the entry's leaf hash in the tree.",
        "good": [_described(name, each) for name, each in good.items()],
        "bad": [{"name": name, "bytes": data.hex()} for name, data in bad.items()],
    }


def _described(name: str, each: Entry) -> Vectors:
    return {
        "name": name,
        "kind": int(each.kind),
        "issuer_id": each.issuer_id.hex(),
        "claim_address": each.claim_address.hex(),
        "body_commitment": each.body_commitment.hex(),
        "buyer_commitment": each.buyer_commitment.hex(),
        "instant_ms": each.instant_ms,
        "bytes": each.encode().hex(),
        "leaf": tree.leaf_hash(each.encode()).hex(),
    }


def tile_vectors() -> Vectors:
    size, tiles = 70_000, {}
    leaves = [tree.leaf_hash(str(n).encode()) for n in range(size)]
    for tile in tree.extend(0, leaves, lambda level, index: tiles[level, index]):
        tiles[tile.level, tile.index] = tile.hashes
    sizes = (1, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, size)
    return {
        "about": "Entry n is n in ASCII decimal. first: a tile's first hash; sha256: of its bytes.",
        "size": size,
        "roots": [{"size": each, "root": tree.root(each, lambda *at: tiles[at]).hex()} for each in sizes],
        "tiles": [
            {
                "level": level,
                "index": index,
                "width": len(tiles[level, index]) // tree.HASH_BYTES,
                "first": tiles[level, index][: tree.HASH_BYTES].hex(),
                "sha256": key_id(tiles[level, index]).hex(),
            }
            for level, index in ((0, 0), (0, 1), (0, 273), (1, 0), (1, 1), (2, 0))
        ],
    }


def checkpoint_vectors(issuer: Issuer) -> Vectors:
    note = issuer.note()
    body, signature = note.split("\n\n")
    foreign = checkpoint.sign(checkpoint.Checkpoint("w.local", issuer.size, issuer.head), Issuer(9).log_key)
    witness = foreign.split("\n\n")[1]
    empty = checkpoint.sign(checkpoint.Checkpoint(ORIGIN, 0, tree.EMPTY_ROOT), issuer.log_key)
    forged = checkpoint.sign(checkpoint.Checkpoint(ORIGIN, issuer.size, issuer.head), Issuer(66).log_key)
    raw = base64.b64decode(signature.split(" ")[2])
    other_hash = base64.b64encode(bytes(4) + raw[4:]).decode()
    other_bits = base64.b64encode(raw[:-1] + bytes([raw[-1] ^ 1])).decode()
    good = {
        "the log of the evidence": (note, issuer.size, issuer.head),
        "an empty log": (empty, 0, tree.EMPTY_ROOT),
        "a witness signed too, below": (note + witness, issuer.size, issuer.head),
        "a witness signed too, above": (f"{body}\n\n{witness}{signature}", issuer.size, issuer.head),
        "a line in the log's name that does not hold, above": (
            f"{body}\n\n— {ORIGIN} {other_bits}\n{signature}",
            issuer.size,
            issuer.head,
        ),
        "a line in the log's name by another key, above": (
            f"{body}\n\n— {ORIGIN} {other_hash}\n{signature}",
            issuer.size,
            issuer.head,
        ),
    }
    bad = {
        "another size": note.replace("\n6\n", "\n7\n"),
        "another root": note.replace(body.split("\n")[2], base64.b64encode(tree.EMPTY_ROOT).decode()),
        "another origin": note.replace(ORIGIN, "test.local/gol"),
        "size with a leading zero": note.replace("\n6\n", "\n06\n"),
        "size with a sign": note.replace("\n6\n", "\n+6\n"),
        "size in other digits": note.replace("\n6\n", "\n\u0666\n"),
        "root without padding": note.replace("=\n\n", "\n\n"),
        "an extension line": note.replace("\n\n", "\nmore\n\n"),
        "no signature": f"{body}\n\n",
        "no empty line": note.replace("\n\n", "\n"),
        "no last line end": note.removesuffix("\n"),
        "a line end more": note + "\n",
        "carriage returns": note.replace("\n", "\r\n"),
        "a hyphen for the dash": note.replace("—", "-"),
        "signed by another key": forged,
        "another key hash": f"{body}\n\n— {ORIGIN} {other_hash}\n",
        "a signature bit flipped": f"{body}\n\n— {ORIGIN} {other_bits}\n",
        "signed under another name": note.replace(f"— {ORIGIN}", "— w.local"),
        "only a witness signed": f"{body}\n\n{witness}",
        "a line that is no signature": note + "hello\n",
        "base64 with a bit that nothing reads": note[:-3] + _next_character(note[-3]) + note[-2:],
    }
    return {
        "about": "Signed notes of one log; key: its public key. bad: never believed.",
        "origin": ORIGIN,
        "key": base64.b64encode(public_der(issuer.log_key)).decode(),
        "key_hash": checkpoint.key_hash(ORIGIN, public_der(issuer.log_key)).hex(),
        "good": [
            {"name": name, "note": text, "size": size, "root": root.hex()}
            for name, (text, size, root) in good.items()
        ],
        "bad": [{"name": name, "note": text} for name, text in bad.items()],
    }


def _next_character(character: str) -> str:
    """Differs in the lowest of the six bits: before one `=`, two low bits stand for nothing."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return alphabet[alphabet.index(character) ^ 1]


def statement_vectors(issuer: Issuer) -> Vectors:
    good, root = issuer.signed_statement(), issuer.root
    document = good["statement"]
    key, epoch = document["keys"][0], document["epochs"][0]
    revoked = Issuer(entry_revoked_ms=MADE_MS).signed_statement()
    other_root = base64.b64encode(public_der(ec.derive_private_key(66, ec.SECP256R1()))).decode()
    short = named(compressed(root))
    every_key = [*document["keys"], *odd_keys(issuer).values()]

    def signed(**fields: Any) -> Vectors:
        return sign_statement(document | fields, root)

    bad = {
        "not signed": good | {"signature": "00" * 64},
        "signature in capitals": good | {"signature": good["signature"].upper()},
        "a member more outside": good | {"more": 1},
        "no signature": {"statement": document},
        "name changed after signing": good | {"statement": document | {"name": "Somebody else"}},
        "revocation taken out": revoked | {"statement": document},
        "signed by another root": sign_statement(document, Issuer(66).root),
        "a root that is not the issuer": signed(root_key=other_root),
        "signed, a root key with a compressed point": signed(
            issuer=short["id"], root_key=short["public_key"]
        ),
        "a forger under our id": under_anothers_id(issuer),
        "signed, another version": signed(version=2),
        "signed, a version that is no number": signed(version=True),
        "signed, a member more": signed(more=1),
        "signed, a key with another id": signed(keys=[key | {"id": "00" * 32}]),
        "signed, an instant that is text": signed(keys=[key | {"valid_from_ms": "1"}]),
        "signed, a key without revoked_ms": signed(keys=[{k: key[k] for k in key if k != "revoked_ms"}]),
        "signed, a contract of 19 bytes": signed(epochs=[epoch | {"contract": "03" * 19}]),
        "signed, a log id in capitals": signed(epochs=[epoch | {"log_id": epoch["log_id"].upper()}]),
        "signed, no list of epochs": signed(epochs=""),
    }
    return {
        "about": "bad ones that say `signed` carry a signature of the root that holds.",
        "good": [
            {"name": "plain", "issuer_id": issuer.id.hex(), "signed": good},
            {"name": "with a revoked key", "issuer_id": issuer.id.hex(), "signed": revoked},
            {"name": "without an epoch yet", "issuer_id": issuer.id.hex(), "signed": signed(epochs=[])},
            {"name": "without keys", "issuer_id": issuer.id.hex(), "signed": signed(keys=[], epochs=[])},
            {"name": "with keys of no use", "issuer_id": issuer.id.hex(), "signed": signed(keys=every_key)},
        ],
        "canonical": canonical.encode(document).decode(),
        "bad": [{"name": name, "signed": value} for name, value in bad.items()],
    }


if __name__ == "__main__":
    main()
