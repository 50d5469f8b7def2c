"""Evidence: one JSON file that proves one invoice, or one credit note, and its verification in steps.

The file carries documents, salts, the entry, its signature, an inclusion proof, a signed checkpoint
and the issuer statement. It carries no authority: the verifier brings the pin (the issuer's root
fingerprint) and, for the last step, a chain endpoint. `SPEC.md` section 8 is the authority.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from invoice_service.domain.standing import Standing, State
from invoice_service.ledger import canonical, checkpoint, proof, statement
from invoice_service.ledger.entry import (
    NO_COMMITMENT,
    SALT_BYTES,
    SIGNATURE_BYTES,
    BadEntry,
    Entry,
    Kind,
    body_commitment,
    buyer_commitment,
)
from invoice_service.ledger.keys import verifies_p256
from invoice_service.ledger.tree import HASH_BYTES, leaf_hash

TYPE = "stall-ledger-evidence"
MAX_BYTES = 256_000  # sixty lines and a long buyer fit forty times over
MAX_DEPTH = 12
GENUINE, ALTERED, UNKNOWN, UNDECIDED = "genuine", "altered", "unknown", "undecided"
PASSED, FAILED, OPEN = "passed", "failed", "undecided"
FREE, CLAIMED, LOCKED, CREDITED = State.FREE, State.CLAIMED, State.LOCKED, State.CREDITED
# What evidence can be of, by the entry's kind.
CREDIT_NOTE = "credit-note"
DOCUMENT_TYPES = {Kind.INVOICE: "invoice", Kind.CREDIT_NOTE: CREDIT_NOTE}
_FIELDS = {
    "type", "version", "body", "body_salt", "buyer", "buyer_salt", "entry", "signature",
    "index", "checkpoint", "inclusion", "issuer",
}  # fmt: skip


class NotEvidence(ValueError):
    """The bytes are no evidence file at all: too large, not JSON, or of another kind."""


class VerificationError(Exception):
    """A step that failed: the file is not what the issuer issued. `detail` is for people, in English."""

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(detail)


class Foreign(VerificationError):
    """The file hangs on another root than the one trusted: whatever it is, that issuer did not issue it."""


class Undecided(Exception):
    """A step that could not be taken, for want of a pin, an anchored head, or a chain that answers."""

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(detail)


class AnchoredHead(Protocol):
    @property
    def size(self) -> int: ...
    @property
    def block_number(self) -> int: ...
    @property
    def time(self) -> datetime: ...


class EpochOnChain(Protocol):
    """One log, and its issuer's invoices, in one contract. Not answering raises ConnectionError."""

    def anchored_at(self, root: bytes) -> AnchoredHead | None: ...
    def standing(self, issuer_id: bytes, claim_address: bytes) -> Standing: ...


class HeadSource(Protocol):
    """A chain endpoint as a verifier needs it. Not answering raises ConnectionError."""

    def open(self, epoch: statement.Epoch) -> EpochOnChain | None:
        """The epoch's contract, if chain id, genesis, contract and nonce are those that the epoch names."""
        ...


@dataclass(frozen=True, slots=True)
class Evidence:
    """One file, read but not believed."""

    body: dict[str, Any]
    body_salt: bytes
    buyer: dict[str, Any] | None
    buyer_salt: bytes | None
    entry: bytes
    signature: bytes
    index: int | None
    checkpoint: str | None
    inclusion: tuple[bytes, ...]
    issuer: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {
            "type": TYPE,
            "version": 1,
            "body": self.body,
            "body_salt": self.body_salt.hex(),
            "buyer": self.buyer,
            "buyer_salt": self.buyer_salt.hex() if self.buyer_salt else None,
            "entry": self.entry.hex(),
            "signature": self.signature.hex(),
            "index": self.index,
            "checkpoint": self.checkpoint,
            "inclusion": [node.hex() for node in self.inclusion],
            "issuer": self.issuer,
        }

    def to_bytes(self) -> bytes:
        """As it is handed out: JSON that a person can read."""
        return json.dumps(self.to_json(), ensure_ascii=False, indent=1).encode()


@dataclass(frozen=True, slots=True)
class Step:
    """`name` is stable; `outcome` passed, failed or undecided; `detail` an English sentence."""

    name: str
    outcome: str
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    verdict: str
    steps: tuple[Step, ...]
    document: str | None = None  # what is genuine: the body's type
    issuer_name: str | None = None
    block_number: int | None = None
    existed_by: datetime | None = None
    chain_operator: str | None = None
    standing: Standing | None = None


def parse(data: bytes) -> Evidence:
    """Read a file strictly. Raises NotEvidence; what it returns is still to be verified."""
    if len(data) > MAX_BYTES:
        raise NotEvidence("too large for an evidence file")
    if canonical.depth(data) > MAX_DEPTH:
        raise NotEvidence("nested too deep for an evidence file")
    try:
        document = _read(data.decode("utf-8"))
        if document["type"] != TYPE or document["version"] != 1 or type(document["version"]) is not int:
            raise NotEvidence("another type or version")
        if set(document) != _FIELDS:
            raise NotEvidence("fields are missing or unknown")
        return _from_json(document)
    except (UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        raise NotEvidence("not an evidence file") from error


def verify(evidence: Evidence, *, trusted_issuer: bytes | None, chain: HeadSource | None) -> Verdict:
    """Take the steps in order and stop at the first that fails.

    `trusted_issuer` is the pinned root fingerprint (32 bytes). Without it, or without an anchored
    head, the verdict is "undecided" at best. Without `chain` the last step is left out by choice and
    said to be: what is then proven is the issuer's word, not the chain's. What became of a genuine invoice is
    asked of the newest epoch; where that does not answer, `standing` is None. Of what the file says beside
    its steps (issuer, block, time, operator), the verdict repeats nothing unless it is "genuine".
    """
    check = _Verification(evidence, trusted_issuer, chain)
    steps: list[Step] = []
    verdict = GENUINE
    for name, take in check.steps():
        try:
            steps.append(Step(name, PASSED, take()))
        except VerificationError as error:
            steps.append(Step(name, FAILED, error.detail))
            verdict = UNKNOWN if isinstance(error, Foreign) else ALTERED
            break
        except Undecided as error:
            steps.append(Step(name, OPEN, error.detail))
            verdict = UNDECIDED
    return check.conclude(verdict, tuple(steps))


class _Verification:
    """The steps of SPEC.md section 8; what one step establishes, later ones use."""

    def __init__(self, evidence: Evidence, trusted_issuer: bytes | None, chain: HeadSource | None) -> None:
        self.evidence = evidence
        self.trusted_issuer = trusted_issuer
        self.chain = chain
        self.statement: statement.IssuerStatement | None = None
        self.entry: Entry | None = None
        self.head: checkpoint.Checkpoint | None = None
        self.entry_key: statement.WorkingKey | None = None
        self.anchored: AnchoredHead | None = None
        self.epoch: statement.Epoch | None = None
        self.on_chain: dict[bytes, EpochOnChain | None] = {}

    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        taken = [
            ("issuer", self.check_issuer),
            ("pin", self.check_pin),
            ("body", self.check_body),
            ("buyer", self.check_buyer),
            ("signature", self.check_signature),
            ("inclusion", self.check_inclusion),
        ]
        return [*taken, ("chain", self.check_chain)] if self.chain else taken

    def conclude(self, verdict: str, steps: tuple[Step, ...]) -> Verdict:
        if verdict != GENUINE:
            return Verdict(verdict, steps)
        return Verdict(
            verdict=verdict,
            steps=steps,
            document=DOCUMENT_TYPES[self._entry().kind],
            issuer_name=self.statement.name if self.statement else None,
            block_number=self.anchored.block_number if self.anchored else None,
            existed_by=self.anchored.time if self.anchored else None,
            chain_operator=self.epoch.operator if self.epoch else None,
            standing=self._standing(),
        )

    def _standing(self) -> Standing | None:
        """Never fails a verification: an invoice is genuine whatever became of it. A credit note has none."""
        if self.chain is None or self._entry().kind is not Kind.INVOICE:
            return None
        try:
            newest = self._opened(self.chain, self._statement().epochs[-1])
            if newest is None:
                return None
            return newest.standing(self._statement().issuer_id, self._entry().claim_address)
        except ConnectionError:
            return None

    def _opened(self, chain: HeadSource, epoch: statement.Epoch) -> EpochOnChain | None:
        """Asked once who it is."""
        if epoch.nonce not in self.on_chain:
            self.on_chain[epoch.nonce] = chain.open(epoch)
        return self.on_chain[epoch.nonce]

    def check_issuer(self) -> str:
        try:
            self.statement = statement.open_signed(self.evidence.issuer)
        except statement.BadStatement as error:
            raise VerificationError(f"The issuer statement does not hold: {error}.") from error
        return f"The issuer statement is signed by the root key {self.statement.issuer_id.hex()}."

    def check_pin(self) -> str:
        issuer_id = self._statement().issuer_id
        if self.trusted_issuer is None:
            raise Undecided(f"No root key was given to trust. The file names {issuer_id.hex()}.")
        if issuer_id != self.trusted_issuer:
            raise Foreign(f"The file hangs on {issuer_id.hex()}, which is not the trusted root.")
        return "That root key is the trusted one."

    def check_body(self) -> str:
        evidence = self.evidence
        try:
            self.entry = entry = Entry.decode(evidence.entry)
            data = canonical.encode(evidence.body)
        except (BadEntry, canonical.NotCanonical) as error:
            raise VerificationError(f"The entry or the body is malformed: {error}.") from error
        if (entry.kind, evidence.body.get("type")) not in DOCUMENT_TYPES.items():
            raise VerificationError("The entry is not that of an invoice or a credit note.")
        issuer_id = self._statement().issuer_id
        if entry.issuer_id != issuer_id or evidence.body.get("issuer") != issuer_id.hex():
            raise VerificationError("The entry and the invoice name different issuers.")
        if body_commitment(evidence.body_salt, data) != entry.body_commitment:
            raise VerificationError("The invoice's content is not the one that was issued.")
        return "The invoice's content matches its entry, to the byte."

    def check_buyer(self) -> str:
        evidence, committed = self.evidence, self._entry().buyer_commitment
        if evidence.buyer is None or evidence.buyer_salt is None:
            if committed == NO_COMMITMENT:
                return "The document names no buyer of its own."
            return "The buyer's details are not in this file; everything else stands without them."
        try:
            data = canonical.encode(evidence.buyer)
        except canonical.NotCanonical as error:
            raise VerificationError(f"The buyer document is malformed: {error}.") from error
        if buyer_commitment(evidence.buyer_salt, data) != committed:
            raise VerificationError("The buyer's details are not the ones that were issued.")
        if evidence.buyer.get("invoice") != evidence.body.get("number"):
            raise VerificationError("The buyer's details belong to another invoice.")
        return "The buyer's details match the entry, to the byte."

    def check_signature(self) -> str:
        self.entry_key = key = self._signing_key()
        instant_ms = self._entry().instant_ms
        if instant_ms < key.valid_from_ms:
            raise VerificationError("The entry is older than the key that signed it.")
        if key.revoked_ms is not None and instant_ms >= key.revoked_ms:
            raise VerificationError("The key that signed the entry had been revoked.")
        if key.revoked_ms is not None and self.chain is None:
            # Whoever stole the key writes any instant: only a block's time says what is older than the theft.
            raise Undecided(
                "The key that signed the entry has been revoked since. Only the chain can say more."
            )
        return f"The entry is signed by the issuer's working key {key.id.hex()[:16]}."

    def _signing_key(self) -> statement.WorkingKey:
        for key in self._statement().keys:
            if key.use == "entry" and verifies_p256(
                key.public_key, self.evidence.entry, self.evidence.signature
            ):
                return key
        raise VerificationError("The entry is not signed by any of the issuer's keys.")

    def check_inclusion(self) -> str:
        evidence = self.evidence
        if evidence.index is None or evidence.checkpoint is None:
            raise Undecided("The invoice is issued but was not yet in the log when this file was made.")
        head, head_key = self._open_checkpoint(evidence.checkpoint)
        self.head = head
        leaf = leaf_hash(evidence.entry)
        if not proof.includes(leaf, evidence.index, head.size, evidence.inclusion, head.root):
            raise VerificationError("The entry is not in the log where the file says it is.")
        if head_key.revoked_ms is not None and self.chain is None:
            raise Undecided("The log's key has been revoked since. Only the chain can say more.")
        return f"The entry is number {evidence.index} of the {head.size} entries under the log's signed head."

    def check_chain(self) -> str:
        if self.trusted_issuer is None:
            raise Undecided("A contract that only the file itself names proves nothing, so it was not asked.")
        if self.head is None or self.chain is None:
            raise Undecided("Without a place in the log there is nothing to look up on the chain.")
        try:
            self.anchored = anchored = self._find_head(self.chain, self.head.root)
        except ConnectionError as error:
            raise Undecided("The chain is not answering, so its part could not be checked.") from error
        if anchored.size != self.head.size:
            raise VerificationError("The chain holds this head with another size.")
        revoked_ms = self.entry_key.revoked_ms if self.entry_key else None
        if revoked_ms is not None and anchored.time.timestamp() * 1000 >= revoked_ms:
            raise Undecided("The key that signed the entry was revoked before this head came on the chain.")
        return f"The log's head is on chain in block {anchored.block_number}."

    def _find_head(self, chain: HeadSource, root: bytes) -> AnchoredHead:
        """Oldest epoch first: one that goes on from another holds its last head too, with a later time."""
        found_epoch = False
        for epoch in self._statement().epochs:
            on_chain = self._opened(chain, epoch)
            anchored = on_chain.anchored_at(root) if on_chain else None
            found_epoch = found_epoch or on_chain is not None
            if anchored is not None:
                self.epoch = epoch
                return anchored
        if found_epoch:
            raise Undecided("The log's head in this file is not on the chain yet. Fetch the file again.")
        raise Undecided("The chain asked is none of those that the issuer names.")

    def _open_checkpoint(self, note: str) -> tuple[checkpoint.Checkpoint, statement.WorkingKey]:
        try:
            return self._statement().open_note(note)
        except checkpoint.BadCheckpoint as error:
            raise VerificationError(
                "The log's head in the file is not signed by the issuer's log key."
            ) from error

    def _statement(self) -> statement.IssuerStatement:
        if self.statement is None:
            raise VerificationError("The issuer statement does not hold.")
        return self.statement

    def _entry(self) -> Entry:
        if self.entry is None:
            raise VerificationError("The entry does not hold.")
        return self.entry


def believed(verdict: Verdict, evidence: Evidence) -> dict[str, Any]:
    """What the file says of the invoice, where the verdict does not speak against it; else nothing."""
    return evidence.body if verdict.verdict in (GENUINE, UNDECIDED) else {}


def _from_json(document: dict[str, Any]) -> Evidence:
    body, buyer, issuer = document["body"], document["buyer"], document["issuer"]
    if not isinstance(body, dict) or not isinstance(issuer, dict) or not isinstance(buyer, dict | None):
        raise NotEvidence("documents are objects")
    if (buyer is None) != (document["buyer_salt"] is None) or (document["index"] is None) != (
        document["checkpoint"] is None
    ):
        raise NotEvidence("a field is missing its companion")
    inclusion = document["inclusion"]
    if not isinstance(inclusion, list) or (inclusion and document["index"] is None):
        raise NotEvidence("a proof is a list, and of a place in the log")
    return Evidence(
        body=body,
        body_salt=_hex(document["body_salt"], SALT_BYTES),
        buyer=buyer,
        buyer_salt=None if buyer is None else _hex(document["buyer_salt"], SALT_BYTES),
        entry=_hex(document["entry"], None),
        signature=_hex(document["signature"], SIGNATURE_BYTES),
        index=None if document["index"] is None else _index(document["index"]),
        checkpoint=None if document["checkpoint"] is None else _text(document["checkpoint"]),
        inclusion=tuple(_hex(node, HASH_BYTES) for node in inclusion),
        issuer=issuer,
    )


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers may take two different values from a name that is given twice."""
    document = dict(pairs)
    if len(document) != len(pairs):
        raise NotEvidence("a name is given twice")
    return document


def _no_number(name: str) -> Any:
    """NaN and the infinities are Python's; JSON has no such numbers."""
    raise NotEvidence(f"{name} is no JSON")


_read = json.JSONDecoder(object_pairs_hook=_without_doubles, parse_constant=_no_number).decode


def _hex(text: Any, length: int | None) -> bytes:
    """Lower-case hex only, so that a file has one spelling."""
    data = bytes.fromhex(_text(text))
    if data.hex() != text or (length is not None and len(data) != length):
        raise NotEvidence("hex of another length or spelling")
    return data


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise NotEvidence("a text is expected")
    return value


def _index(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise NotEvidence("an index is a whole number")
    return value
