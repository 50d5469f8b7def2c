"""Verify what somebody brings: an evidence file, a PDF that carries one, or number, date and total."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta

from invoice_service.documents.attached import UNREADABLE, attached_evidence, is_pdf
from invoice_service.domain.numbering import SHANGHAI
from invoice_service.errors import N_, InvalidInput
from invoice_service.ledger import evidence as ev
from invoice_service.queries.views import StepView, VerdictView
from invoice_service.services import Services
from invoice_service.store import invoices

SENTENCES = {
    ev.GENUINE: N_("Issued by this service, unchanged to the byte, and on the chain."),
    ev.ALTERED: N_("This is not what was issued. Do not accept it."),
    ev.UNKNOWN: N_("This service never issued this."),
    ev.UNDECIDED: N_("Nothing speaks against it, but not everything could be checked."),
}
# Of a genuine invoice of which the chain says more: what it is worth now.
STANDING = {
    "credited": N_("Genuine, and credited in full since: it counts for nothing any more."),
    "credited_in_part": N_("Genuine, and credited in part since. See its credit notes."),
    ev.CLAIMED: N_("Genuine, and claimed for reimbursement already."),
    ev.LOCKED: N_("Genuine, and a refund of it is under way."),
}
IN_A_PDF = N_(
    "The evidence in this PDF is genuine and on the chain. Compare what is printed with what stands here."
)
CHAIN_NOT_ASKED = N_("Signed by the issuer and in its log. The chain was not asked.")
KNOWN_BY_FACTS = N_("An invoice with this number, date and total was issued here and is valid.")
NO_SUCH_FACTS = N_("No invoice with this number, date and total was issued here.")


class UnreadableFile(InvalidInput):
    code = "verify.unreadable"
    message = UNREADABLE


class NothingToVerify(InvalidInput):
    code = "verify.nothing"
    message = N_("Please choose a file, or enter number, date and total.")


def verify_file(services: Services, data: bytes) -> VerdictView:
    """The verdict on a JSON evidence file or a PDF with one attached. Raises UnreadableFile."""
    try:
        evidence = attached_evidence(data)
    except ev.NotEvidence as error:
        raise UnreadableFile({"file": UNREADABLE}) from error
    verdict = ev.verify(evidence, trusted_issuer=services.keyring.issuer_id, chain=services.heads)
    view = describe(verdict, evidence)
    # Of a PDF, only what it carries was checked.
    if verdict.verdict == ev.GENUINE and is_pdf(data) and view.sentence == SENTENCES[ev.GENUINE]:
        return dataclasses.replace(view, sentence=IN_A_PDF)
    return view


def verify_facts(services: Services, number: str, day: date, total_fen: int) -> VerdictView:
    """Whether an invoice with all three was issued here; which of them is wrong is not told."""
    start = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI).astimezone(UTC)
    with services.database.read() as connection:
        known = invoices.has_facts(
            connection,
            number,
            issued_from=start,
            issued_to=start + timedelta(days=1),
            total_fen=total_fen,
        )
    if not known:
        return VerdictView(ev.UNKNOWN, NO_SUCH_FACTS)
    return VerdictView(ev.GENUINE, KNOWN_BY_FACTS, status="valid", number=number, total_fen=total_fen)


def sentence(verdict: ev.Verdict) -> str:
    """One for each verdict; of a genuine invoice, what became of it where that is more to know."""
    standing = verdict.standing
    told = standing and (STANDING.get(standing.state) or STANDING.get(standing.status))
    return told or SENTENCES[verdict.verdict]


def describe(verdict: ev.Verdict, evidence: ev.Evidence) -> VerdictView:
    """For people. What the file says is repeated only where the verdict vouches for it."""
    believed = ev.believed(verdict, evidence)
    issued_at = believed.get("issued_at")
    standing = verdict.standing
    return VerdictView(
        verdict=verdict.verdict,
        sentence=sentence(verdict),
        status=standing.status if standing else None,
        claim=standing.state if standing and standing.state in (ev.CLAIMED, ev.LOCKED) else None,
        claimed_at=standing.since if standing and standing.state == ev.CLAIMED else None,
        number=believed.get("number"),
        total_fen=believed.get("total_fen"),
        issued_at=datetime.fromisoformat(issued_at) if issued_at else None,
        seller_name=believed.get("seller", {}).get("name"),
        steps=tuple(StepView(step.name, step.outcome, step.detail) for step in verdict.steps),
    )
