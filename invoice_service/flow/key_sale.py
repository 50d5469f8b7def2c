"""Key a sale: the vendor types what is sold, and the shopper scans the code that the vendor's phone shows.

From there it is an order like any other: the shopper pays it and has its invoice at `/o/{token}`.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from invoice_service.domain.access import Action
from invoice_service.domain.invoice import decimal_text
from invoice_service.domain.keyed import KeyedGoods, KeyedSale, keyed_lines, rounded
from invoice_service.domain.money import yuan
from invoice_service.domain.order import OrderLine, Stall, StallUnattended
from invoice_service.domain.policy import Actor, own_vendor
from invoice_service.errors import N_, InvalidInput
from invoice_service.flow import order as ordering
from invoice_service.flow.access import note
from invoice_service.flow.once import once
from invoice_service.flow.order import Placed
from invoice_service.services import Services
from invoice_service.store import catalogue


class ChooseStall(InvalidInput):
    code = "stall.choose"
    message = N_("You sell at several stalls now: please choose one of {stalls}.")


def key_sale(
    services: Services,
    actor: Actor,
    sale: KeyedSale,
    *,
    idempotency_key: str,
    stall_code: str | None = None,
) -> Placed:
    """`Placed.token` opens `/o/{token}` for the shopper. `stall_code` where the vendor sells at several now.

    Raises NotAllowed, ChooseStall, StallUnattended, StallClosed, BadRounding, KeyReused, and the refusals
    of amount, goods and quantity.
    """
    market_id, vendor_id = own_vendor(actor)
    now = services.clock()
    order_id = ordering.time_ordered_id(now, services.random(10))
    scope = f"keyed sale of {actor.account_id}"  # another vendor's key opens nothing here
    with services.database.unit_of_work() as uow:
        kept = once(uow.connection, scope, idempotency_key, _as_json(sale, stall_code), str(order_id), now)
        earlier = ordering.placed_before(services, uow.connection, kept)
        if earlier is not None:
            return earlier
        stall = _stall(catalogue.stalls_of_seller(uow.connection, vendor_id, now), stall_code)
        lines, off_fen = _lines(services, uow.connection, stall, sale)
        placed = ordering.put(
            services,
            uow.connection,
            order_id,
            stall,
            lines,
            now,
            keyed_by=actor.account_id,
            rounded_off_fen=off_fen,
        )
        note(
            uow.connection,
            actor,
            Action.SALE_KEYED,
            now=now,
            market_id=market_id,
            vendor_id=vendor_id,
            subject=f"{stall.code} ¥{yuan(placed.amount_fen)}",
        )
        uow.commit()
    return placed


def _stall(rows: Sequence[catalogue.StallRow], code: str | None) -> Stall:
    """The one stall that is meant, of those where the vendor is authorised now."""
    meant = [row for row in rows if code is None or row["code"] == code]
    if not meant:
        raise StallUnattended
    if len(meant) > 1:
        raise ChooseStall({"stall": ChooseStall.message}, stalls=", ".join(row["code"] for row in meant))
    return ordering.open_stall(meant[0])


def _lines(
    services: Services, connection: Connection, stall: Stall, sale: KeyedSale
) -> tuple[tuple[OrderLine, ...], int]:
    config = services.config
    stock = {goods.sku: goods for goods in catalogue.stock(connection, stall.vendor_id)}
    lines = keyed_lines(
        sale, stall.default_goods, stock, max_lines=config.max_lines, max_fen=config.max_amount_fen
    )
    return rounded(lines, sale.rounding, sale.round_off_fen, below_fen=config.max_rounding_fen)


def _as_json(sale: KeyedSale, stall_code: str | None) -> list[object]:
    items = [
        [item.sku, decimal_text(item.quantity)] if isinstance(item, KeyedGoods) else item.amount_fen
        for item in sale.items
    ]
    return [stall_code, items, sale.rounding.value, sale.round_off_fen]
