"""The files of an invoice: evidence, the PDF that carries it, and XML."""

from __future__ import annotations

from sqlalchemy import Connection, text

from invoice_service.documents.cms import signer_of
from invoice_service.documents.pdf import Paper, invoice_pdf
from invoice_service.documents.xml.flat import flat
from invoice_service.documents.xml.ubl import ubl
from invoice_service.domain.details import CHOOSE_ONE
from invoice_service.domain.invoice import UnknownInvoice
from invoice_service.domain.listing import chosen
from invoice_service.domain.numbering import business_day
from invoice_service.domain.policy import Actor, OutOfScope
from invoice_service.domain.token import fingerprint
from invoice_service.errors import InvalidInput
from invoice_service.ledger import canonical, link, tree
from invoice_service.ledger.entry import Kind
from invoice_service.ledger.evidence import Evidence
from invoice_service.queries.ledger_state import ledger_states
from invoice_service.queries.views import LedgerState
from invoice_service.services import Services
from invoice_service.store import deployment, invoices, log, supervised
from invoice_service.store.invoices import StoredInvoice

_XML_WRITERS = {"ubl": ubl, "flat": flat}
XML_FORMATS = tuple(_XML_WRITERS)

# One statement, so that an entry moving from the outbox into the log is seen in exactly one of them.
_ENTRY = text("""
    SELECT index, entry, signature FROM log_entries WHERE kind = :kind AND fact = :fact
    UNION ALL
    SELECT NULL, entry, signature FROM outbox WHERE kind = :kind AND fact = :fact
""")

PAPERS = tuple(Paper)


def evidence(services: Services, token: str) -> tuple[str, Evidence]:
    """(invoice number, its evidence as of now). Raises UnknownInvoice."""
    with services.database.read() as connection:
        stored = _stored(connection, token)
        return stored.number, _evidence(services, connection, stored)


def supervised_evidence(services: Services, actor: Actor, number: str) -> Evidence:
    """For the officers of a region; the look is recorded before (`flow.look.at_sale`). Raises OutOfScope."""
    with services.database.read() as connection:
        stored = invoices.by_number(connection, number) if number.isdigit() else None
        if stored is None:
            raise OutOfScope
        supervised.supervised_sale(connection, actor, stored.order_id)
        return _evidence(services, connection, stored)


def pdf(services: Services, token: str, paper: str = Paper.A5) -> tuple[str, bytes]:
    """(invoice number, its signed PDF with the evidence attached). Raises BadListing, UnknownInvoice."""
    chosen(paper, PAPERS, "format")
    with services.database.read() as connection:
        stored = _stored(connection, token)
        attached = _evidence(services, connection, stored)
        state = ledger_states(connection, Kind.INVOICE, [stored.number], now=services.clock())
    document = invoice_pdf(
        attached.body,
        attached.buyer,
        verify_url=_signed_link(services, stored),
        evidence_json=attached.to_bytes(),
        ledger_line=_ledger_line(state[stored.number], attached),
        paper=Paper(paper),
        signer=signer_of(services.keyring),
    )
    return stored.number, document


def xml(services: Services, token: str, format_name: str) -> tuple[str, bytes]:
    """(invoice number, its XML in one of XML_FORMATS). Raises InvalidInput, UnknownInvoice."""
    if format_name not in _XML_WRITERS:
        raise InvalidInput({"format": CHOOSE_ONE})
    with services.database.read() as connection:
        stored = _stored(connection, token)
    buyer = canonical.decode(stored.buyer) if stored.buyer else None
    return stored.number, _XML_WRITERS[format_name](canonical.decode(stored.body), buyer)


def signed_link(services: Services, token: str) -> str:
    """What the holder shows to have the invoice checked. Raises UnknownInvoice."""
    with services.database.read() as connection:
        return _signed_link(services, _stored(connection, token))


def _signed_link(services: Services, stored: StoredInvoice) -> str:
    """Never the token: who holds that can claim the invoice, and paper is passed on."""
    facts = link.Facts(Kind.INVOICE, stored.number, business_day(stored.issued_at), stored.total_fen)
    code = link.code_of(facts, issuer_id=services.keyring.issuer_id, key=services.keyring.entry)
    return link.address(services.config.public_url, code)


def _stored(connection: Connection, token: str) -> StoredInvoice:
    stored = invoices.by_token(connection, fingerprint(token))
    if stored is None:
        raise UnknownInvoice
    return stored


def _evidence(services: Services, connection: Connection, stored: StoredInvoice) -> Evidence:
    index, entry, signature = connection.execute(
        _ENTRY, {"kind": int(Kind.INVOICE), "fact": stored.number}
    ).one()
    note, path = _place(services, connection, stored.number, index)
    return Evidence(
        body=canonical.decode(stored.body),
        body_salt=stored.body_salt,
        buyer=canonical.decode(stored.buyer) if stored.buyer else None,
        buyer_salt=stored.buyer_salt,
        entry=entry,
        signature=signature,
        index=index,
        checkpoint=note,
        inclusion=path,
        issuer=deployment.statement(connection) or {},
    )


def _place(
    services: Services, connection: Connection, number: str, index: int | None
) -> tuple[str | None, tuple[bytes, ...]]:
    """The signed head that covers the entry (the first one on chain, else the newest) and the path to it."""
    if index is None:
        return None, ()
    state = ledger_states(connection, Kind.INVOICE, [number], now=services.clock())[number]
    size = state.tree_size or log.head(connection).size
    path = tree.inclusion_proof(index, size, log.keeping_reader(connection, index, size))
    return log.checkpoint_at(connection, size), tuple(path)


def _ledger_line(state: LedgerState, attached: Evidence) -> str:
    if state.block_number is not None:
        return f"存证第 {state.index} 条,已上链:区块 {state.block_number}"
    if attached.index is not None:
        return f"存证第 {attached.index} 条,等待上链"
    return "已开具,等待存证"
