"""A small issuer with a log of its own, and evidence of its invoices, from fixed keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from invoice_service.ledger import checkpoint, statement, tree
from invoice_service.ledger.entry import Entry, Kind, commit_body, commit_buyer
from invoice_service.ledger.evidence import Evidence
from invoice_service.ledger.keys import key_id, public_der, sign_p256

ORIGIN = "test.local/log"
MADE_MS = 1_795_400_000_000


@dataclass(frozen=True)
class Anchored:
    size: int
    block_number: int = 7
    time: datetime = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


class ChainThatHolds:
    """A chain endpoint that has these heads."""

    def __init__(self, heads: dict[bytes, int]) -> None:
        self.heads = heads

    def open(self, _epoch: statement.Epoch) -> ChainThatHolds:
        return self

    def anchored_at(self, root: bytes) -> Anchored | None:
        return Anchored(self.heads[root]) if root in self.heads else None


class ChainDown:
    def open(self, _epoch: statement.Epoch) -> None:
        raise ConnectionError("no answer")


class OtherChain:
    def open(self, _epoch: statement.Epoch) -> None:
        return None


class Issuer:
    """Keys from a number, a log with `count` invoices."""

    def __init__(self, seed: int = 1, count: int = 5, revoked_ms: int | None = None) -> None:
        self.root = ec.derive_private_key(seed, ec.SECP256R1())
        self.working = ec.derive_private_key(seed + 1000, ec.SECP256R1())
        self.log_key = ed25519.Ed25519PrivateKey.from_private_bytes(seed.to_bytes(32, "big"))
        self.id = key_id(public_der(self.root))
        self.revoked_ms = revoked_ms
        self.documents = [self._document(n) for n in range(count)]
        self.leaves = [tree.leaf_hash(self._entry(n)) for n in range(count)]
        self.tiles = {(t.level, t.index): t.hashes for t in tree.extend(0, self.leaves, self.read)}
        self.head = tree.root(count, self.read)

    def read(self, level: int, index: int) -> bytes:
        return self.tiles[level, index]

    @property
    def chain(self) -> ChainThatHolds:
        return ChainThatHolds({self.head: len(self.leaves)})

    def evidence(self, n: int = 2) -> Evidence:
        body, buyer = self.documents[n]
        entry, size = self._entry(n), len(self.leaves)
        return Evidence(
            body=body,
            body_salt=self._salt(n),
            buyer=buyer,
            buyer_salt=self._salt(n + 100),
            entry=entry,
            signature=sign_p256(self.working, entry),
            index=n,
            checkpoint=checkpoint.sign(checkpoint.Checkpoint(ORIGIN, size, self.head), self.log_key),
            inclusion=tuple(tree.inclusion_proof(n, size, self.read)),
            issuer=self.statement(),
        )

    def statement(self) -> dict[str, Any]:
        return statement.sign(
            statement.IssuerStatement(
                issuer_id=self.id,
                name="Test issuer",
                root_key=public_der(self.root),
                origin=ORIGIN,
                keys=(
                    statement.make_working_key(
                        self.working, "entry", valid_from_ms=MADE_MS - 1000, revoked_ms=self.revoked_ms
                    ),
                    statement.make_working_key(self.log_key, "checkpoint", valid_from_ms=MADE_MS - 1000),
                ),
                epochs=(
                    statement.Epoch(
                        bytes([1]) * 32, 20530, bytes([2]) * 32, bytes(20), bytes([3]) * 32, "tests"
                    ),
                ),
            ),
            self.root,
        )

    def _document(self, n: int) -> tuple[dict[str, Any], dict[str, Any]]:
        number = f"2653900000000000{n:04d}"
        body = {
            "type": "invoice",
            "version": 1,
            "number": number,
            "issuer": self.id.hex(),
            "total_fen": 1250 + n,
        }
        buyer = {
            "type": "buyer",
            "version": 1,
            "invoice": number,
            "kind": "individual",
            "name": "张三",
            "tax_id": None,
        }
        return body, buyer

    def _entry(self, n: int) -> bytes:
        body, buyer = self.documents[n]
        return Entry(
            kind=Kind.INVOICE,
            issuer_id=self.id,
            claim_address=bytes([n]) * 20,
            body_commitment=commit_body(self._salt(n), body)[1],
            buyer_commitment=commit_buyer(self._salt(n + 100), buyer)[1],
            instant_ms=MADE_MS + n,
        ).encode()

    @staticmethod
    def _salt(n: int) -> bytes:
        return bytes([n]) * 32
