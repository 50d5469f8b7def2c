"""Verify what somebody brings: an evidence file, a PDF that carries one, or number, date and total."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from invoice_service.documents.attached import UNREADABLE, attached_evidence, is_pdf
from invoice_service.domain.credit_note import NOTHING_TO_PAY
from invoice_service.domain.numbering import NOT_SIGNED, SHANGHAI
from invoice_service.domain.standing import Standing
from invoice_service.errors import N_, InvalidInput
from invoice_service.ledger import evidence as ev
from invoice_service.ledger import link
from invoice_service.ledger.entry import Kind
from invoice_service.queries.views import StepView, VerdictView
from invoice_service.services import Services
from invoice_service.store import deployment, invoices, refunds, statuses

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
KNOWN_BY_LINK = N_("The code is signed by this service, and the invoice was issued here and is valid.")
NO_SUCH_LINK = N_("The code is signed, but nothing of the kind was issued here. Do not accept it.")
NO_LINK = N_("That is not the code of an invoice.")


class UnreadableFile(InvalidInput):
    code = "verify.unreadable"
    message = UNREADABLE


class NothingToVerify(InvalidInput):
    code = "verify.nothing"
    message = N_("Please choose a file, or enter number, date and total.")


class NoLink(InvalidInput):
    code = "verify.no_link"
    message = NO_LINK


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
    facts = link.Facts(Kind.INVOICE, number, day, total_fen)
    with services.database.read() as connection:
        standing = _standing(services, connection, facts)
    if standing is None:
        return VerdictView(ev.UNKNOWN, NO_SUCH_FACTS)
    return _known(facts, standing, KNOWN_BY_FACTS)


def verify_link(services: Services, text: str) -> tuple[VerdictView, link.Facts | None]:
    """(the verdict on an invoice's signed link, or on the code in it, and what it says). Raises NoLink.

    Without our signature nothing is looked up, and nothing of what it says is repeated.
    """
    try:
        found = link.read(link.code_in(text) or "")
    except link.NotALink as error:
        raise NoLink({"number": NO_LINK}) from error
    with services.database.read() as connection:
        stated = deployment.opened_statement(connection)
        judged = link.judge(found, stated, trusted_issuer=services.keyring.issuer_id)
        if judged.verdict == link.UNSIGNED:
            return VerdictView(ev.UNKNOWN, NOT_SIGNED), None
        if stated is None:
            return VerdictView(ev.UNDECIDED, SENTENCES[ev.UNDECIDED]), None
        standing = _standing(services, connection, found.facts)
    if standing is None:
        return VerdictView(ev.UNKNOWN, NO_SUCH_LINK), None
    # Also where the key was revoked since: that it was issued, we know without the key.
    is_ours = judged.verdict == link.SIGNED
    return _known(found.facts, standing, KNOWN_BY_LINK if is_ours else KNOWN_BY_FACTS), found.facts


def _standing(services: Services, connection: Connection, facts: link.Facts) -> Standing | None:
    """What became of the invoice with these facts, as of the last final block; None if there is none.

    Of a credit note nothing can become.
    """
    start = datetime(facts.day.year, facts.day.month, facts.day.day, tzinfo=SHANGHAI).astimezone(UTC)
    has_facts = invoices.has_facts if facts.kind is Kind.INVOICE else refunds.has_note
    is_known = has_facts(
        connection,
        facts.number,
        issued_from=start,
        issued_to=start + timedelta(days=1),
        total_fen=facts.total_fen,
    )
    if facts.kind is Kind.CREDIT_NOTE:
        return Standing() if is_known else None
    return statuses.standing(connection, facts.number).now(services.clock()) if is_known else None


def _known(facts: link.Facts, standing: Standing, valid: str) -> VerdictView:
    if facts.kind is Kind.CREDIT_NOTE:
        return VerdictView(
            ev.GENUINE,
            NOTHING_TO_PAY,
            document=ev.CREDIT_NOTE,
            number=facts.number,
            total_fen=facts.total_fen,
        )
    return VerdictView(
        ev.GENUINE,
        _told(standing) or valid,
        number=facts.number,
        total_fen=facts.total_fen,
        **_became(standing),
    )


def sentence(verdict: ev.Verdict) -> str:
    """One for each verdict; of a genuine invoice, what became of it where that is more to know."""
    if verdict.document == ev.CREDIT_NOTE:
        return NOTHING_TO_PAY
    return _told(verdict.standing) or SENTENCES[verdict.verdict]


def _told(standing: Standing | None) -> str | None:
    return None if standing is None else STANDING.get(standing.state) or STANDING.get(standing.status)


def _became(standing: Standing | None) -> dict[str, Any]:
    if standing is None:
        return {}
    is_claimed = standing.state == ev.CLAIMED
    return {
        "status": standing.status,
        "claim": standing.state if is_claimed or standing.state == ev.LOCKED else None,
        "claimed_at": standing.since if is_claimed else None,
    }


def describe(verdict: ev.Verdict, evidence: ev.Evidence) -> VerdictView:
    """For people. What the file says is repeated only where the verdict vouches for it."""
    believed = ev.believed(verdict, evidence)
    issued_at = believed.get("issued_at")
    return VerdictView(
        verdict=verdict.verdict,
        sentence=sentence(verdict),
        document=verdict.document,
        number=believed.get("number"),
        total_fen=believed.get("total_fen"),
        issued_at=datetime.fromisoformat(issued_at) if issued_at else None,
        seller_name=believed.get("seller", {}).get("name"),
        steps=tuple(StepView(step.name, step.outcome, step.detail) for step in verdict.steps),
        **_became(verdict.standing),
    )
