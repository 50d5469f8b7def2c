"""A company agrees to a credit note on an invoice that it has claimed: what `consent` does.

It signs what it has seen and nothing else. The invoice is verified as for a claim; the credit note's bytes
must give the commitment that is signed, name this invoice and take no more off than it is for; and how many
notes there were, and that the company holds it, is asked of the contract. So a service that lies gets no
signature.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chain.statuses import State, sign
from invoice_service.claimant import REFUSED, Claimant, Known, Outcome, Refused, Wanted
from invoice_service.domain.money import yuan
from invoice_service.domain.refund import Reason
from invoice_service.ledger import canonical
from invoice_service.ledger import evidence as ev
from invoice_service.ledger.entry import commit_body
from invoice_service.onchain import ChainHeads

GOOD_FOR = timedelta(days=3)  # until the money is back and the chain has written it down
AGREED, ASKED, NONE_WAITS = "agreed", "waits for your consent", "no refund waits for your consent"
DONE = (AGREED, NONE_WAITS)
NO_SENSE = "What the service answered makes no sense."


@dataclass(frozen=True, slots=True)
class _Note:
    """A credit note whose bytes were looked at. Consent is given to `commitment`."""

    refund_id: str
    commitment: bytes
    whole: bool
    notes: int
    total_fen: int
    reason: Reason

    def __str__(self) -> str:
        what = "all that is left" if self.whole else "a part"
        return f"¥{yuan(self.total_fen)}, {what} ({self.reason.text} {self.reason.text_zh})."


def consent(company: Claimant, wanted: Sequence[Wanted], now: datetime, *, agrees: bool) -> Iterator[Outcome]:
    """One outcome an invoice. Without `agrees` nothing is signed. Raises ChainUnavailable."""
    heads = ChainHeads(company.rpc_url, company.timeout_s)
    for one in wanted:
        try:
            yield _consent(company, company.verify(one, heads), now, agrees=agrees)
        except Refused as error:
            yield Outcome(one.number, REFUSED, detail=str(error))


def _consent(company: Claimant, known: Known, now: datetime, *, agrees: bool) -> Outcome:
    """An order has one refund under way at most, so an invoice waits for one consent. Raises Refused."""
    number = known.wanted.number
    proposal = _waiting(company, known)
    if proposal is None:
        return Outcome(number, NONE_WAITS)
    note = _checked(company, known, proposal)
    if not agrees:
        return Outcome(number, ASKED, detail=f"{note} Run it again with --yes to agree.")
    _send(company, known, note, int((now + GOOD_FOR).timestamp()))
    return Outcome(number, AGREED, detail=str(note))


def _waiting(company: Claimant, known: Known) -> dict[str, Any] | None:
    told = _read(company.request("GET", f"invoices/{known.wanted.number}", token=known.wanted.token))
    try:
        open_ones = [str(one["refund_id"]) for one in told["refunds"] if one["settled_at"] is None]
    except (KeyError, TypeError) as error:
        raise Refused(NO_SENSE) from error
    for refund_id in open_ones:
        proposal = _read(company.request("GET", f"refunds/{refund_id}"))
        if proposal.get("is_wanted") is True:
            return proposal
    return None


def _checked(company: Claimant, known: Known, proposal: dict[str, Any]) -> _Note:
    """Raises Refused, naming what is wrong."""
    try:
        body = proposal["body"]
        note = _Note(
            refund_id=str(proposal["refund_id"]),
            commitment=commit_body(bytes.fromhex(proposal["body_salt"]), body)[1],
            whole=body["whole"],
            notes=body["notes"],
            total_fen=body["total_fen"],
            reason=Reason(body["reason"]),
        )
        claims = (proposal["note"], proposal["whole"], proposal["notes"])
        is_same = claims == (note.commitment.hex(), note.whole, note.notes)
        names = (body["invoice"]["number"], body["invoice"]["commitment"])
        is_note = (body["type"], body["issuer"]) == ("credit-note", company.trusted.hex())
        is_typed = type(note.whole) is bool and type(note.notes) is int
        is_in_bounds = 0 < note.total_fen <= known.body["total_fen"]
        lines_fen = sum(line["amount_fen"] for line in body["lines"])
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(NO_SENSE) from error
    if not (is_same and is_note and is_typed and lines_fen == note.total_fen):
        raise Refused("The credit note is not what the service says of it.")
    if names != (known.wanted.number, known.commitment.hex()):
        raise Refused("The credit note is on another invoice.")
    if not is_in_bounds:
        raise Refused("The credit note takes off more than the invoice is for.")
    _check_contract(company, known, note)
    return note


def _check_contract(company: Claimant, known: Known, note: _Note) -> None:
    status = company.contract(known.epoch).status_of(known.claim_address)
    if (status.state, status.claimant) != (State.CLAIMED, company.address):
        raise Refused("It is not claimed by you.")
    if status.notes != note.notes:
        raise Refused(f"The chain counts {status.notes} credit notes before this one, not {note.notes}.")


def _send(company: Claimant, known: Known, note: _Note, deadline: int) -> None:
    terms = {
        "issuerId": company.trusted,
        "claimAddress": known.claim_address,
        "note": note.commitment,
        "whole": note.whole,
        "notes": note.notes,
        "deadline": deadline,
    }
    signature = sign(company.key, company.contract(known.epoch).domain().digest("Consent", **terms))
    signed = {"r": signature.r.hex(), "vs": signature.vs.hex()}
    body = {"deadline": deadline, "signature": signed}
    company.request("POST", f"refunds/{note.refund_id}/consent", body=body)


def _read(data: bytes) -> dict[str, Any]:
    """Raises Refused for what is no object, or nests as deep as no parser should go."""
    try:
        told = json.loads(data) if canonical.depth(data) <= ev.MAX_DEPTH else None
    except ValueError as error:
        raise Refused(NO_SENSE) from error
    if not isinstance(told, dict):
        raise Refused(NO_SENSE)
    return told
