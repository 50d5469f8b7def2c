"""Chains as a verifier meets them in step 7: what each endpoint holds, and the verdicts that hang on it.

Most issuers have had one contract. The second here began a new epoch when the first chain, or the contract
on it, was given up: a head may stand in either or in both, and what became of an invoice only in the newest.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from invoice_service.ledger import tree
from invoice_service.ledger.statement import Epoch
from tests.unit.ledger.evidence_files import BLOCK_MS, Issuer
from tests.vectors.cases import Vectors, case, restated, told
from tests.vectors.chain_vectors import COMPANY
from tests.vectors.credit_note_vectors import WithNote

EARLIER_SIZE = 4  # the log when the second epoch opened, where it opened before the head of the evidence
LATER_MS = BLOCK_MS + 3_600_000


class TwoEpochs(Issuer):
    """The same issuer under a newer statement: a second contract follows the first on one chain."""

    def __init__(self) -> None:
        super().__init__()
        self.second = dataclasses.replace(
            self.epoch, nonce=bytes(31) + b"\2", contract=bytes([6]) * 20, operator="others"
        )
        self.statement = dataclasses.replace(self.statement, epochs=(self.epoch, self.second))


def endpoints(issuer: Issuer) -> Vectors:
    """Every chain of the cases, by name."""
    log = issuer.epoch.log_id
    head = _head(log, issuer.head, issuer.size)
    noted = WithNote()
    holds = contract(issuer.epoch, [head])
    anothers = holds | {"nonce": "09" * 32}
    return {
        "good": endpoint({issuer.epoch: holds}),
        "claimed": endpoint({issuer.epoch: contract(issuer.epoch, [head], [_status(issuer, 1, 2)])}),
        "noted": endpoint({issuer.epoch: contract(issuer.epoch, [_head(log, noted.head, noted.size)])}),
        "down": {"answers": False},
        "another": endpoint({}, chain_id=1),
        "another block 0": endpoint({issuer.epoch: holds}, genesis_hash="07" * 32),
        "another nonce": endpoint({issuer.epoch: anothers}),
        "no contract": endpoint({}),
        "head missing": endpoint({issuer.epoch: contract(issuer.epoch, [])}),
        "no answer of heads": endpoint({issuer.epoch: contract(issuer.epoch, None)}),
        "no answer of statuses": endpoint({issuer.epoch: contract(issuer.epoch, [head], None)}),
        "another size": endpoint({issuer.epoch: contract(issuer.epoch, [head | {"size": issuer.size - 1}])}),
    } | _of_two_epochs(TwoEpochs(), head)


def _of_two_epochs(issuer: TwoEpochs, head: Vectors) -> Vectors:
    """The second log opens at the first one's last final head: before the evidence's, at it, or beyond it."""
    old, new = issuer.epoch, issuer.second
    before = _head(old.log_id, tree.root_of(issuer.leaves[:EARLIER_SIZE]), EARLIER_SIZE, block_number=3)
    beyond = _head(old.log_id, tree.root_of([*issuer.leaves, bytes(32)]), issuer.size + 1, block_number=9)
    later = head | {"block_number": 99, "time_ms": LATER_MS}
    claimed, locked = _status(issuer, 1, 0), _status(issuer, 2, 1)
    holds, first = contract(old, [before, head], [claimed]), contract(old, [before], [claimed])
    second = contract(new, [before | {"block_number": 5}, head], [locked])
    smaller = contract(old, [head | {"size": EARLIER_SIZE}])
    reverting = {"nonce": None, "heads": None, "statuses": None}
    return {
        "both epochs": endpoint({old: holds, new: contract(new, [later], [locked])}),
        "older epoch only": endpoint({old: holds, new: contract(new, [beyond])}),
        "newer epoch only": endpoint({old: first, new: second}),
        "older epoch gone": endpoint({new: second}),
        "older epoch reverts": endpoint({old: reverting, new: second}),
        "older epoch of another nonce": endpoint({old: holds | {"nonce": "09" * 32}, new: second}),
        "older epoch tells no heads": endpoint({old: contract(old, None), new: second}),
        "older epoch of another size": endpoint({old: smaller, new: second}),
        "newer epoch gone": endpoint({old: holds}),
    }


def endpoint(
    contracts: dict[Epoch, Vectors], *, chain_id: int = 20530, genesis_hash: str = "02" * 32
) -> Vectors:
    return {
        "answers": True,
        "chain_id": chain_id,
        "genesis_hash": genesis_hash,
        "contracts": {epoch.contract.hex(): held for epoch, held in contracts.items()},
    }


def contract(epoch: Epoch, heads: list[Vectors] | None, statuses: Sequence[Vectors] | None = ()) -> Vectors:
    """`heads`, `statuses`: None where it reverts when asked for them."""
    return {
        "nonce": epoch.nonce.hex(),
        "heads": heads,
        "statuses": None if statuses is None else list(statuses),
    }


def _head(log_id: bytes, root: bytes, size: int, block_number: int = 7) -> Vectors:
    return {
        "log_id": log_id.hex(),
        "root": root.hex(),
        "size": size,
        "block_number": block_number,
        "time_ms": BLOCK_MS,
    }


def _status(issuer: Issuer, state: int, notes: int) -> Vectors:
    return {
        "issuer_id": issuer.id.hex(),
        "claim_address": issuer.entries[3].claim_address.hex(),
        "state": state,
        "notes": notes,
        "time_ms": LATER_MS,
        "claimant": COMPANY.hex() if state == 1 else "00" * 20,
    }


def endpoint_cases(issuer: Issuer) -> list[Vectors]:
    of_claim = told(state="claimed", notes=2, time_ms=LATER_MS)
    return [
        case("claimed, and credited in part", "genuine", None, chain="claimed", told=of_claim),
        case(
            "genuine, what became of it not told",
            "genuine",
            None,
            chain="no answer of statuses",
            told=told() | {"standing": None},
        ),
        case("the chain is down", "undecided", "chain", chain="down"),
        case("another chain", "undecided", "chain", chain="another"),
        case("a chain with another block 0", "undecided", "chain", chain="another block 0"),
        case("a contract with another nonce", "undecided", "chain", chain="another nonce"),
        case("no contract", "undecided", "chain", chain="no contract"),
        case("head not on chain", "undecided", "chain", chain="head missing"),
        case("a contract that tells no heads", "undecided", "chain", chain="no answer of heads"),
        case("another size on chain", "altered", "chain", chain="another size"),
        case(
            "no epoch yet, a chain asked",
            "undecided",
            "chain",
            *restated(issuer, [], "epochs"),
            chain="good",
        ),
        *_epoch_cases(TwoEpochs()),
    ]


def _epoch_cases(issuer: TwoEpochs) -> list[Vectors]:
    """The block is of the first epoch that holds the head; what became of it, of the newest epoch."""
    locked = {"state": "locked", "notes": 1, "time_ms": LATER_MS}
    by_newer = told("others", **locked)

    def of_two(name: str, verdict: str, step: str | None, *edits: Vectors, **more: Any) -> Vectors:
        return case(f"two epochs: {name}", verdict, step, *edits, file="two epochs", **more)

    before_the_later = restated(issuer, BLOCK_MS + 1, "keys", 0, "revoked_ms")
    gone = [f"older epoch {how}" for how in ("gone", "reverts", "of another nonce")]
    return [
        of_two("the head in both", "genuine", None, chain="both epochs", told=told(**locked)),
        of_two("the head in the older", "genuine", None, chain="older epoch only", told=told()),
        of_two("the head in the newer", "genuine", None, chain="newer epoch only", told=by_newer),
        *(of_two(each, "genuine", None, chain=each, told=by_newer) for each in gone),
        of_two(
            "newer epoch gone",
            "genuine",
            None,
            chain="newer epoch gone",
            told=told() | {"standing": None},
        ),
        of_two("the older tells no heads", "undecided", "chain", chain="older epoch tells no heads"),
        of_two("another size in the older", "altered", "chain", chain="older epoch of another size"),
        of_two(
            "entry key revoked between the blocks",
            "genuine",
            None,
            *before_the_later,
            chain="both epochs",
            told=told(**locked),
        ),
    ]
