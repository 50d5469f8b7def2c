"""The files of an invoice: evidence, the PDF that carries it, and XML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from invoice_service.documents.cms import signer_of
from invoice_service.documents.pdf import Paper, invoice_pdf
from invoice_service.documents.printed import Credits
from invoice_service.documents.xml.flat import flat
from invoice_service.documents.xml.ubl import ubl
from invoice_service.domain.details import CHOOSE_ONE
from invoice_service.domain.invoice import Document, UnknownInvoice
from invoice_service.domain.listing import chosen
from invoice_service.domain.numbering import business_day
from invoice_service.domain.policy import Actor, OutOfScope
from invoice_service.domain.token import fingerprint
from invoice_service.errors import InvalidInput
from invoice_service.ledger import canonical, link, tree
from invoice_service.ledger.entry import Kind
from invoice_service.ledger.evidence import Evidence
from invoice_service.queries.ledger_state import ledger_states
from invoice_service.queries.refunds import note_in_force
from invoice_service.queries.views import LedgerState
from invoice_service.services import Services
from invoice_service.store import deployment, invoices, log, refunds, supervised
from invoice_service.store.invoices import StoredInvoice
from invoice_service.store.refunds import CreditNote

_XML_WRITERS = {"ubl": ubl, "flat": flat}
XML_FORMATS = tuple(_XML_WRITERS)

# One statement, so that an entry moving from the outbox into the log is seen in exactly one of them.
_ENTRY = text("""
    SELECT index, entry, signature FROM log_entries WHERE kind = :kind AND fact = :fact
    UNION ALL
    SELECT NULL, entry, signature FROM outbox WHERE kind = :kind AND fact = :fact
""")

PAPERS = tuple(Paper)


@dataclass(frozen=True, slots=True)
class _Document:
    """An invoice, or a credit note in force, as it is stored; `buyer` is always the invoice's."""

    kind: Kind
    number: str
    body: bytes
    body_salt: bytes
    issued_at: datetime
    total_fen: int
    invoice: StoredInvoice

    @property
    def buyer(self) -> Document | None:
        return canonical.decode(self.invoice.buyer) if self.invoice.buyer else None


def evidence(services: Services, token: str, note: str | None = None) -> tuple[str, Evidence]:
    """(number, evidence as of now) of the invoice, or of its credit note with that number.

    Raises UnknownInvoice, UnknownCreditNote.
    """
    with services.database.read() as connection:
        document = _opened(connection, token, note)
        return document.number, _evidence(connection, document, _state(services, connection, document))


def supervised_evidence(services: Services, actor: Actor, number: str) -> Evidence:
    """For the officers of a region; the look is recorded before (`flow.look.at_sale`). Raises OutOfScope."""
    with services.database.read() as connection:
        stored = invoices.by_number(connection, number) if number.isdigit() else None
        if stored is None:
            raise OutOfScope
        supervised.supervised_sale(connection, actor, stored.order_id)
        document = _invoice(stored)
        return _evidence(connection, document, _state(services, connection, document))


def pdf(services: Services, token: str, paper: str = Paper.A5, note: str | None = None) -> tuple[str, bytes]:
    """(number, the signed PDF with evidence and XML attached) of the invoice, or of its credit note.

    Raises BadListing, UnknownInvoice, UnknownCreditNote.
    """
    chosen(paper, PAPERS, "format")
    with services.database.read() as connection:
        document = _opened(connection, token, note)
        state = _state(services, connection, document)
        attached = _evidence(connection, document, state)
        credits = None if note else _credits(refunds.notes_of(connection, document.number))
    drawn = invoice_pdf(
        attached.body,
        document.buyer,
        link=_link(services, document),
        verify_page=services.config.verify_page,
        evidence_json=attached.to_bytes(),
        ledger_line=_ledger_line(state, attached),
        xml=ubl(attached.body, document.buyer),
        credits=credits,
        paper=Paper(paper),
        signer=signer_of(services.keyring),
    )
    return document.number, drawn


def xml(services: Services, token: str, format_name: str, note: str | None = None) -> tuple[str, bytes]:
    """(number, XML in one of XML_FORMATS) of the invoice, or of its credit note.

    Raises InvalidInput, UnknownInvoice, UnknownCreditNote.
    """
    if format_name not in _XML_WRITERS:
        raise InvalidInput({"format": CHOOSE_ONE})
    with services.database.read() as connection:
        document = _opened(connection, token, note)
    return document.number, _XML_WRITERS[format_name](canonical.decode(document.body), document.buyer)


def signed_link(services: Services, token: str) -> str:
    """What the holder shows to have the invoice checked. Raises UnknownInvoice."""
    with services.database.read() as connection:
        return _link(services, _opened(connection, token, None))


def _link(services: Services, document: _Document) -> str:
    """Never the token: who holds that can claim the invoice, and paper is passed on."""
    day = business_day(document.issued_at)
    facts = link.Facts(document.kind, document.number, day, document.total_fen)
    code = link.code_of(facts, issuer_id=services.keyring.issuer_id, key=services.keyring.entry)
    return link.address(services.config.public_url, code)


def _opened(connection: Connection, token: str, note: str | None) -> _Document:
    stored = invoices.by_token(connection, fingerprint(token))
    if stored is None:
        raise UnknownInvoice
    if note is None:
        return _invoice(stored)
    found = note_in_force(connection, stored.number, note)
    return _Document(
        Kind.CREDIT_NOTE, found.number, found.body, found.body_salt, found.issued_at, found.total_fen, stored
    )


def _invoice(stored: StoredInvoice) -> _Document:
    return _Document(
        Kind.INVOICE, stored.number, stored.body, stored.body_salt, stored.issued_at, stored.total_fen, stored
    )


def _credits(notes: Sequence[CreditNote]) -> Credits | None:
    """What the invoice's own paper says of them."""
    return Credits(tuple(note.number for note in notes), notes[-1].whole) if notes else None


def _state(services: Services, connection: Connection, document: _Document) -> LedgerState:
    """Asked before the entry: what is sealed in between has its place, and the newest head covers it."""
    states = ledger_states(connection, document.kind, [document.number], now=services.clock())
    return states[document.number]


def _evidence(connection: Connection, document: _Document, state: LedgerState) -> Evidence:
    index, entry, signature = connection.execute(
        _ENTRY, {"kind": int(document.kind), "fact": document.number}
    ).one()
    head, path = _place(connection, index, state)
    is_invoice = document.kind is Kind.INVOICE
    return Evidence(
        body=canonical.decode(document.body),
        body_salt=document.body_salt,
        buyer=document.buyer if is_invoice else None,
        buyer_salt=document.invoice.buyer_salt if is_invoice else None,
        entry=entry,
        signature=signature,
        index=index,
        checkpoint=head,
        inclusion=path,
        issuer=deployment.statement(connection) or {},
    )


def _place(
    connection: Connection, index: int | None, state: LedgerState
) -> tuple[str | None, tuple[bytes, ...]]:
    """The signed head that covers the entry (the first one on chain, else the newest) and the path to it."""
    if index is None:
        return None, ()
    size = state.tree_size or log.head(connection).size
    path = tree.inclusion_proof(index, size, log.keeping_reader(connection, index, size))
    return log.checkpoint_at(connection, size), tuple(path)


def _ledger_line(state: LedgerState, attached: Evidence) -> str:
    if state.block_number is not None:
        return f"存证第 {state.index} 条,已上链:区块 {state.block_number}"
    if attached.index is not None:
        return f"存证第 {attached.index} 条,等待上链"
    return "已开具,等待存证"
