"""Issue the invoice of a paid order: number, bytes, salts, signature and outbox row in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from invoice_service.domain.invoice import Document, TaxedLine, buyer_document, invoice_body, taxed_lines
from invoice_service.domain.lifecycle import OrderStatus
from invoice_service.domain.numbering import business_day, invoice_number
from invoice_service.domain.order import Order, UnknownOrder
from invoice_service.domain.party import Buyer, BuyerDiffers
from invoice_service.domain.refund import RefundUnderWay, kept_line
from invoice_service.domain.token import INVOICE, fingerprint
from invoice_service.errors import N_, Error
from invoice_service.flow import allow
from invoice_service.flow.once import once
from invoice_service.flow.record import SignedEntry, record, sign_entry
from invoice_service.keyring import VAULT_NONCE_BYTES
from invoice_service.ledger import canonical
from invoice_service.ledger.entry import SALT_BYTES, Kind, commit_body, commit_buyer
from invoice_service.ledger.keys import address_of
from invoice_service.services import Services
from invoice_service.store import invoices, orders, refunds, rollups
from invoice_service.store.rollups import HourRow

_SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class NotPaid(Error):
    code = "invoice.not_paid"
    message = N_("This order has not been paid, so there is nothing to invoice.")
    status = 409


@dataclass(frozen=True, slots=True)
class Issued:
    """`created` is False where the order had its invoice already."""

    number: str
    token: str
    total_fen: int
    issued_at: datetime
    created: bool


def issue(
    services: Services, order_token: str, buyer: Buyer, *, idempotency_key: str | None = None
) -> Issued:
    """The one invoice of a paid order; asking again answers the same.

    What went back before is not on it. Raises UnknownOrder, NotPaid, RefundUnderWay, KeyReused, AllowanceUsed
    above the vendor's ceiling for the month, and BuyerDiffers if it was made out to somebody else.
    """
    with services.database.unit_of_work() as uow:
        order = orders.lock_by_token(uow.connection, fingerprint(order_token))
        if order is None:
            raise UnknownOrder
        if order.paid_at is None:  # phones ask before the payment's notice is here, and ask again
            uow.nothing_to_do()
            raise NotPaid
        if idempotency_key is not None:
            request = [str(order.id), buyer.kind, buyer.name, buyer.tax_id]
            once(uow.connection, INVOICE, idempotency_key, request, str(order.id), services.clock())
        existing = invoices.by_order(uow.connection, order.id)
        if existing is not None:
            return _again(services, existing, buyer)
        issued = _issue(services, uow.connection, order, buyer)
        uow.commit()
    return issued


def _again(services: Services, existing: invoices.StoredInvoice, buyer: Buyer) -> Issued:
    wanted = canonical.encode(buyer_document(existing.number, buyer))
    if existing.buyer not in (None, wanted):  # of one who was erased nobody can tell
        raise BuyerDiffers
    token = services.keyring.tokens.derive(INVOICE, existing.number)
    return Issued(existing.number, token, existing.total_fen, existing.issued_at, created=False)


def _issue(services: Services, connection: Connection, order: Order, buyer: Buyer) -> Issued:
    vendor_id = order.stall.vendor_id
    basis = invoices.basis(connection, order.id, vendor_id)
    if basis.is_refund_under_way:
        raise RefundUnderWay
    if order.status is not OrderStatus.PAID:
        raise NotPaid
    places = None
    if basis.kept_fen < order.amount_fen:
        order, places = _kept(connection, order, basis.kept_fen)
    drawn = draw_up(services, order, buyer, sale=basis.sale, sequence=basis.sequence, places=places)
    if basis.has_ceiling:
        allow.check_room(connection, vendor_id, order.amount_fen, drawn.issued_at)
    invoices.add(connection, drawn.values, drawn.lines, buyer=drawn.buyer, buyer_salt=drawn.buyer_salt)
    record(connection, drawn.entry)
    rollups.add_hours(connection, [drawn.hour], business_day(drawn.issued_at))
    return Issued(drawn.number, drawn.token, order.amount_fen, drawn.issued_at, created=True)


def _kept(connection: Connection, order: Order, kept_fen: int) -> tuple[Order, Sequence[int]]:
    """The order less what went back of it, and the places of the lines that are left."""
    left = {n: line for n, line in refunds.sold_lines(connection, order, None).items() if line.left_fen}
    lines = tuple(kept_line(line) for line in left.values())
    return replace(order, lines=lines, amount_fen=kept_fen), list(left)


@dataclass(frozen=True, slots=True)
class Drawn:
    """An invoice as it is to be stored: columns, lines, the buyer's document, the entry, the rollup."""

    number: str
    token: str
    issued_at: datetime
    values: dict[str, Any]
    lines: list[dict[str, Any]]
    buyer: bytes
    buyer_salt: bytes
    entry: SignedEntry
    hour: HourRow


def draw_up(
    services: Services,
    order: Order,
    buyer: Buyer,
    *,
    sale: bytes,
    sequence: int,
    places: Sequence[int] | None = None,
) -> Drawn:
    """Number, bytes, salts, signature. `sale` is the commitment of the SALE, `places` where in the order its
    lines stood if some went back. Nothing is written.

    Tax arises when it is paid, so the law of that day holds, however late the invoice is asked for.
    """
    assert order.paid_at is not None  # noqa: S101 - `issue` let only paid orders through
    now = services.clock()
    number = invoice_number(business_day(now), region=services.config.region_code, sequence=sequence)
    taxed = taxed_lines(order.lines, order.stall, business_day(order.paid_at))
    body = invoice_body(
        order.stall,
        taxed,
        number=number,
        issuer=services.keyring.issuer_id.hex(),
        sale=sale.hex(),
        issued_at=now,
    )
    token = services.keyring.tokens.derive(INVOICE, number)
    buyer_salt = services.random(SALT_BYTES)
    document, buyer_commitment = commit_buyer(buyer_salt, buyer_document(number, buyer))
    values, body_commitment = _values(services, order, body, fingerprint(token), now)
    entry = sign_entry(
        services.keyring,
        Kind.INVOICE,
        number,
        body_commitment=body_commitment,
        buyer_commitment=buyer_commitment,
        claim_address=values["claim_address"],
        instant=now,
    )
    stood = range(len(taxed)) if places is None else places
    lines = [_line_values(number, n, item) | {"order_line": stood[n]} for n, item in enumerate(taxed)]
    hour = rollups.invoice_row(order.stall, body["total_fen"], now)
    return Drawn(number, token, now, values, lines, document, buyer_salt, entry, hour)


def _values(
    services: Services, order: Order, body: Document, token_hash: bytes, now: datetime
) -> tuple[dict[str, Any], bytes]:
    """(the invoice's columns, the commitment to its body)."""
    number = body["number"]
    body_salt = services.random(SALT_BYTES)
    data, commitment = commit_body(body_salt, body)
    claim_key, claim_address = make_claim_key(services.random(32))
    nonce = services.random(VAULT_NONCE_BYTES)
    values = {
        "number": number,
        "market_id": order.stall.market_id,
        "order_id": order.id,
        "stall_id": order.stall.id,
        "vendor_id": order.stall.vendor_id,
        "token_hash": token_hash,
        "body": data,
        "body_salt": body_salt,
        "net_fen": body["net_fen"],
        "tax_fen": body["tax_fen"],
        "total_fen": body["total_fen"],
        "issued_at": now,
        "claim_address": claim_address,
        "claim_key": services.keyring.seal(nonce, claim_key, number.encode()),
    }
    return values, commitment


def make_claim_key(seed: bytes) -> tuple[bytes, bytes]:
    """(32-byte secp256k1 private key, its 20-byte Ethereum address) of a one-time claim key."""
    scalar = int.from_bytes(seed, "big") % (_SECP256K1_ORDER - 1) + 1
    key = scalar.to_bytes(32, "big")
    return key, address_of(key)


def _line_values(number: str, n: int, item: TaxedLine) -> dict[str, object]:
    return {
        "number": number,
        "n": n,
        "tax_code": item.line.tax_code,
        "net_fen": item.net_fen,
        "tax_fen": item.tax_fen,
        "rule": item.rule.id,
    }
