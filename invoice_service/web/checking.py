"""What the tax desk and the API share about checks of piles: what is brought, and the files that result."""

from __future__ import annotations

from datetime import datetime

from flask import request
from flask_babel import gettext

from invoice_service.documents.check_record import CheckRecord, RecordLine, check_record
from invoice_service.documents.workbook import Column, WorkSheet, workbook
from invoice_service.domain.money import yuan
from invoice_service.domain.policy import Actor
from invoice_service.errors import N_
from invoice_service.queries.checks import CheckedItem, CheckView
from invoice_service.web.locale import when

VERDICTS = {
    "genuine": (N_("Genuine"), "good"),
    "altered": (N_("Altered"), "bad"),
    "unknown": (N_("Unknown"), "bad"),
    "undecided": (N_("Undecided"), "wait"),
    "unreadable": (N_("Unreadable"), "wait"),
    "repeated": (N_("Repeated"), "plain"),
}


def brought() -> list[tuple[str, bytes]]:
    """(name, bytes) of each uploaded file."""
    return [(one.filename, one.read()) for one in request.files.getlist("files") if one.filename]


def sentence(item: CheckedItem) -> str:
    return gettext(item.sentence).replace("{n}", str(item.same_as or "")) if item.sentence else ""


def verdict_words(verdict: str | None) -> str:
    return gettext(VERDICTS[verdict][0]) if verdict else gettext("Waiting")


def tone(verdict: str | None) -> str:
    return VERDICTS[verdict][1] if verdict else "plain"


def as_workbook(check: CheckView) -> bytes:
    columns = (
        Column("#", "count", 6),
        Column(gettext("Verdict"), "text", 14),
        Column(gettext("What it means"), "text", 50),
        Column(gettext("Invoice number"), "text", 24),
        Column(gettext("Issued"), "instant", 18),
        Column(gettext("Total (¥)"), "money_fen", 14),
        Column(gettext("Seller"), "text", 24),
        Column(gettext("Same as #"), "count", 10),
        Column(gettext("File or line"), "text", 40),
    )
    rows = [
        (
            item.n,
            verdict_words(item.verdict),
            sentence(item),
            item.number,
            item.issued_at,
            item.total_fen,
            item.seller_name,
            item.same_as,
            item.name,
        )
        for item in check.items
    ]
    return workbook([WorkSheet(gettext("Check"), columns, rows)], created=check.created_at)


def as_record(check: CheckView, actor: Actor, now: datetime) -> bytes:
    counts = check.counts
    summary = " · ".join(f"{verdict_words(one)} {counts[one]}" for one in VERDICTS if one in counts)
    facts = [
        (gettext("Checked by"), actor.name),
        (gettext("Reason"), check.reason),
        (gettext("Brought"), when(check.created_at)),
        (gettext("Result"), summary),
    ]
    record = CheckRecord(
        title=gettext("Record of an invoice check"),
        notice=gettext("Pilot: not an official tax-bureau service."),
        facts=facts,
        columns=["#", gettext("Verdict"), gettext("Invoice"), gettext("File or line")],
        items=[_line(item) for item in check.items],
    )
    return check_record(record, made_at=now)


def _line(item: CheckedItem) -> RecordLine:
    total = "" if item.total_fen is None else "¥" + yuan(item.total_fen)
    at = when(item.issued_at) if item.issued_at else ""
    return RecordLine(
        n=str(item.n),
        verdict=verdict_words(item.verdict),
        tone=tone(item.verdict),
        sentence=sentence(item),
        number=item.number or "–",
        facts=" · ".join(filter(None, (item.seller_name, total, at))),
        name=item.name,
    )
