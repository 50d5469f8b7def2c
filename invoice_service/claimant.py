"""A company claims invoices on chain, trusting nobody but the issuer's root: what `claim` and `release` do.

It holds the invoices' tokens and a key of its own. Each invoice is first verified against the pinned root and
the chain; the claim key's signature that the service then hands over must be that of the claim address in the
verified entry; and whether the claim stood is asked of the contract, not of the service. So a service that
lies can refuse, and nothing else. Doing it again after any failure is safe: what is claimed is seen to be.
A company without coins lets the service send what it signed; what came of it is asked of the contract, too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import requests
from eth_account import Account

from chain.statuses import LIST_MOST, Signature, State, Status, StatusContract, sign, signer_of
from invoice_service.ledger import evidence as ev
from invoice_service.ledger.entry import Entry
from invoice_service.ledger.statement import Epoch, open_signed
from invoice_service.onchain import ChainHeads

GOOD_FOR = timedelta(hours=1)  # how long the signatures may wait for a block
ANSWERS_WITHIN_S = 10.0
SENT_WITHIN_S, LOOK_EVERY_S = 120.0, 0.3
CLAIMED, YOURS, TAKEN, RELEASED, NOT_YOURS, REFUSED = (
    "claimed", "claimed by you before", "claimed already", "released", "not claimed by you", "refused"
)  # fmt: skip
DONE = (CLAIMED, YOURS, RELEASED, NOT_YOURS)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An invoice that the company was given."""

    number: str
    token: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """`word` is one of those above; `detail` an English sentence, empty where the word says all."""

    number: str
    word: str
    since: datetime | None = None
    detail: str = ""


class Refused(Exception):
    """This invoice cannot be claimed; the text says why."""


@dataclass(frozen=True, slots=True)
class Known:
    """A verified invoice, and where its claims are kept."""

    wanted: Wanted
    claim_address: bytes
    epoch: Epoch
    commitment: bytes  # of its body
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Claimant:
    """`key` is the company's secp256k1 key, 32 bytes; `trusted` the issuer's root, 32 bytes."""

    service_url: str
    rpc_url: str
    trusted: bytes
    key: bytes
    relayed: bool = False  # the service sends, and the company needs no coins
    timeout_s: float = ANSWERS_WITHIN_S
    _contracts: dict[bytes, StatusContract] = field(default_factory=dict)  # making one reads the whole ABI

    @property
    def address(self) -> bytes:
        return bytes.fromhex(Account.from_key(self.key).address[2:])

    def claim(self, wanted: Sequence[Wanted], now: datetime) -> Iterator[Outcome]:
        """One outcome an invoice, in lists of a hundred. Raises ChainUnavailable, Rejected."""
        for begin in range(0, len(wanted), LIST_MOST):
            yield from self._claim_list(wanted[begin : begin + LIST_MOST], now)

    def release(self, wanted: Sequence[Wanted], now: datetime) -> Iterator[Outcome]:
        """The same, giving claims up."""
        for begin in range(0, len(wanted), LIST_MOST):
            yield from self._release_list(wanted[begin : begin + LIST_MOST], now)

    def _claim_list(self, wanted: Sequence[Wanted], now: datetime) -> Iterator[Outcome]:
        free: list[Known] = []
        for known in self._verified(wanted):
            if isinstance(known, Outcome):
                yield known
                continue
            status = self.contract(known.epoch).status_of(known.claim_address)
            if status.state is State.FREE:
                free.append(known)
            else:
                yield self._told(known, status, mine=YOURS)
        if not free:
            return
        handed, nonce, deadline = [], self._nonce(free), int((now + GOOD_FOR).timestamp())
        for known in free:
            try:
                handed.append((known, self._handover(known, nonce, deadline)))
            except Refused as error:
                yield Outcome(known.wanted.number, REFUSED, detail=str(error))
        if handed:
            yield from self._send_claim(handed, nonce, deadline)

    def _send_claim(
        self, handed: Sequence[tuple[Known, Signature]], nonce: int, deadline: int
    ) -> Iterator[Outcome]:
        contract = self.contract(handed[0][0].epoch)
        addresses = [known.claim_address for known, _ in handed]
        terms = {"issuerId": self.trusted, "claimAddresses": addresses, "nonce": nonce, "deadline": deadline}
        signature = sign(self.key, contract.domain().digest("Claim", **terms))
        problem = ""
        if self.relayed:
            wanted = [{"number": known.wanted.number, "token": known.wanted.token} for known, _ in handed]
            problem = self._relay("claims", nonce, deadline, signature, wanted)
        else:
            call = contract.claim(self.address, nonce, deadline, [one for _, one in handed], signature)
            contract.send(self.key, call)
        for known, _ in handed:
            yield self._told(known, contract.status_of(known.claim_address), mine=CLAIMED, problem=problem)

    def _release_list(self, wanted: Sequence[Wanted], now: datetime) -> Iterator[Outcome]:
        held: list[Known] = []
        for known in self._verified(wanted):
            if isinstance(known, Outcome):
                yield known
                continue
            status = self.contract(known.epoch).status_of(known.claim_address)
            if (status.state, status.claimant) == (State.CLAIMED, self.address):
                held.append(known)
            else:
                yield Outcome(known.wanted.number, NOT_YOURS)
        if not held:
            return
        contract, nonce = self.contract(held[0].epoch), self._nonce(held)
        deadline = int((now + GOOD_FOR).timestamp())
        addresses = [known.claim_address for known in held]
        terms = {"issuerId": self.trusted, "claimAddresses": addresses, "nonce": nonce, "deadline": deadline}
        signature = sign(self.key, contract.domain().digest("Release", **terms))
        problem = ""
        if self.relayed:
            numbers = [known.wanted.number for known in held]
            problem = self._relay("releases", nonce, deadline, signature, numbers)
        else:
            contract.send(self.key, contract.release(self.address, nonce, deadline, addresses, signature))
        for known in held:
            status = contract.status_of(known.claim_address)
            is_mine = (status.state, status.claimant) == (State.CLAIMED, self.address)
            yield Outcome(known.wanted.number, REFUSED if is_mine else RELEASED, detail=problem)

    def _verified(self, wanted: Sequence[Wanted]) -> Iterator[Known | Outcome]:
        heads = ChainHeads(self.rpc_url, self.timeout_s)
        for one in wanted:
            try:
                yield self.verify(one, heads)
            except Refused as error:
                yield Outcome(one.number, REFUSED, detail=str(error))

    def verify(self, wanted: Wanted, heads: ChainHeads) -> Known:
        """An invoice that stands in the log, as the chain says. Raises Refused."""
        try:
            evidence = ev.parse(self._ask("GET", wanted, "evidence"))
        except ev.NotEvidence as error:
            raise Refused(f"What the service sent is no evidence: {error}.") from error
        verdict = ev.verify(evidence, trusted_issuer=self.trusted, chain=heads)
        if verdict.verdict != ev.GENUINE:
            raise Refused(verdict.steps[-1].detail)
        if evidence.body.get("number") != wanted.number:
            raise Refused("The service sent another invoice.")
        entry, said = Entry.decode(evidence.entry), open_signed(evidence.issuer)
        return Known(wanted, entry.claim_address, said.epochs[-1], entry.body_commitment, evidence.body)

    def _handover(self, known: Known, nonce: int, deadline: int) -> Signature:
        terms = {"claimant": "0x" + self.address.hex(), "nonce": nonce, "deadline": deadline}
        try:
            answer = json.loads(self._ask("POST", known.wanted, "handover", terms))
            signature = Signature(bytes.fromhex(answer["r"]), bytes.fromhex(answer["vs"]))
            signed = {"issuerId": self.trusted, **terms, "claimant": self.address}
            signer = signer_of(self.contract(known.epoch).domain().digest("Handover", **signed), signature)
        except (ValueError, KeyError, TypeError) as error:
            raise Refused("What the service handed over is no signature.") from error
        if signer != known.claim_address:
            raise Refused("What the service handed over is not this invoice's key.")
        return signature

    def _relay(
        self, what: str, nonce: int, deadline: int, signature: Signature, invoices: Sequence[Any]
    ) -> str:
        """Leave it to the service, and wait until it is settled. Answers why it would not, if so; what was
        claimed all the same is asked of the contract."""
        body = {
            "claimant": "0x" + self.address.hex(),
            "nonce": nonce,
            "deadline": deadline,
            "signature": {"r": signature.r.hex(), "vs": signature.vs.hex()},
            "invoices": invoices,
        }
        try:
            told = json.loads(self.request("POST", what, body=body))
            ends_at = time.monotonic() + SENT_WITHIN_S
            while told["status"] not in ("done", "refused"):
                if time.monotonic() > ends_at:
                    return "The service did not send it in time."
                time.sleep(LOOK_EVERY_S)
                told = json.loads(self.request("GET", f"claims/{told['claim_id']}"))
        except Refused as error:
            return str(error)
        except (ValueError, KeyError, TypeError):
            return "What the service answered makes no sense."
        return f"The service refused: {told['reason']}." if told.get("reason") else ""

    def _ask(self, method: str, wanted: Wanted, what: str, body: Any = None) -> bytes:
        return self.request(method, f"invoices/{wanted.number}/{what}", token=wanted.token, body=body)

    def request(self, method: str, path: str, *, token: str | None = None, body: Any = None) -> bytes:
        """At most as much as evidence may be. Raises Refused."""
        url = f"{self.service_url.rstrip('/')}/api/v1/{path}"
        headers = {"Accept-Language": "en"} | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            with requests.request(
                method, url, json=body, headers=headers, timeout=self.timeout_s, stream=True,
                allow_redirects=False,
            ) as answer:  # fmt: skip
                data: bytes = answer.raw.read(ev.MAX_BYTES + 1, decode_content=True) or b""
                if answer.status_code not in (200, 202):
                    raise Refused(f"The service refused: {_reason(data) or answer.status_code}")
        except (requests.RequestException, OSError) as error:
            raise Refused(f"The service does not answer: {type(error).__name__}.") from error
        return data

    def _nonce(self, known: Sequence[Known]) -> int:
        return self.contract(known[0].epoch).nonce_of(self.address)

    def contract(self, epoch: Epoch) -> StatusContract:
        if epoch.contract not in self._contracts:
            self._contracts[epoch.contract] = StatusContract(
                self.rpc_url, address=epoch.contract, issuer_id=self.trusted, timeout_s=self.timeout_s
            )
        return self._contracts[epoch.contract]

    def _told(self, known: Known, status: Status, *, mine: str, problem: str = "") -> Outcome:
        """Who else claimed it is nobody's business but the chain's."""
        outcome = Outcome(known.wanted.number, REFUSED, status.time)
        if status.state is State.CLAIMED:
            return replace(outcome, word=mine if status.claimant == self.address else TAKEN)
        if status.state is State.LOCKED:
            return replace(outcome, detail="A refund of it is under way.")
        if status.state is State.CREDITED:
            return replace(outcome, detail="It was credited in full and counts for nothing any more.")
        return replace(
            outcome, since=None, detail=problem or "The contract did not take the claim. Try again."
        )


def _reason(data: bytes) -> str:
    """What an RFC 9457 problem says."""
    try:
        problem = json.loads(data)
    except ValueError:
        return ""
    detail = problem.get("detail") or problem.get("title") if isinstance(problem, dict) else None
    return detail if isinstance(detail, str) else ""
