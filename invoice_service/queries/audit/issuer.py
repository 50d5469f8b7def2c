"""Whose log it is: the keys that may sign, and the secrets from which tokens and claim keys are derived.

A verifier believes the statement that the root signed, and the service the rows beside it, so these must be
the same keys. The root's own fingerprint comes from the data directory, where nobody who writes to the
database can change it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Row

from invoice_service.keyring import Keyring
from invoice_service.ledger.keys import key_id, verifies_p256
from invoice_service.ledger.statement import BadStatement, IssuerStatement, WorkingKey, open_signed
from invoice_service.queries.audit.differs import Difference, Differs, holds, same
from invoice_service.services import Services
from invoice_service.store import audit, deployment

STATEMENT = "issuer statement"


@dataclass(frozen=True, slots=True)
class Issuer:
    """`statement` is None where there is none to believe; then nothing counts as signed."""

    id: bytes
    hex: str
    keyring: Keyring
    statement: IssuerStatement | None

    def check_signature(self, entry: bytes, signature: bytes, instant_ms: int) -> None:
        """By a working key that was good at the entry's instant. Raises Differs."""
        key = self._signer(entry, signature)
        holds(key is not None, "its entry is not signed by any of the issuer's keys")
        if key is not None:
            holds(instant_ms >= key.valid_from_ms, "its entry is older than the key that signed it")
            is_good = key.revoked_ms is None or instant_ms < key.revoked_ms
            holds(is_good, "the key that signed its entry had been revoked")

    def _signer(self, entry: bytes, signature: bytes) -> WorkingKey | None:
        for key in self.statement.keys if self.statement else ():
            if key.use == "entry" and verifies_p256(key.public_key, entry, signature):
                return key
        return None


def read(services: Services, connection: Connection) -> tuple[Issuer, list[Difference]]:
    """The issuer, and what is wrong with its statement and its keys."""
    ours = services.keyring.issuer_id
    try:
        signed = deployment.statement(connection)
        holds(signed is not None, "there is none; run `prepare` where the root key is")
        statement = open_signed(signed)
        same(statement.issuer_id, ours, "it is another issuer's")
    except (BadStatement, Differs) as error:
        return Issuer(ours, ours.hex(), services.keyring, None), [Difference(STATEMENT, str(error))]
    found = list(_keys_that_differ(audit.keys(connection), statement, services.config.log_origin))
    return Issuer(ours, ours.hex(), services.keyring, statement), found


def _keys_that_differ(rows: audit.Rows, statement: IssuerStatement, origin: str) -> Iterator[Difference]:
    if statement.origin != origin:
        yield Difference(STATEMENT, f"it names the log {statement.origin}, and LOG_ORIGIN is {origin}")
    listed = {(key.id, key.use, key.public_key) for key in statement.keys}
    listed.add((statement.issuer_id, "root", statement.root_key))
    kept = {_key(row) for row in rows}
    for key, use, _ in sorted(listed - kept):
        yield Difference(f"key {key.hex()[:16]}", f"the statement's {use} key is not in the table of keys")
    for key, use, _ in sorted(kept - listed):
        yield Difference(f"key {key.hex()[:16]}", f"the root never signed for this {use} key")


def _key(row: Row) -> tuple[bytes, str, bytes]:  # type: ignore[type-arg]
    """Named by what it is, whatever its row says."""
    return key_id(bytes(row.public_key)), row.use, bytes(row.public_key)
