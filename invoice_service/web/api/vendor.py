"""A vendor's own affairs: what the phone shows and does, for programs.

The session is a vendor's. Prices, the day's end and exports need a proof of who is there that is at most ten
minutes old; without one the answer is 403 `session.confirm_first`.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from flask import Response, request
from flask_smorest import Blueprint

from invoice_service.domain.details import read_day
from invoice_service.domain.goods import parse_quantity
from invoice_service.domain.keyed import KeyedAmount, KeyedGoods, KeyedSale, read_rounding
from invoice_service.domain.refund import Back, read_reason
from invoice_service.flow import close_day, edit_goods, export_month, key_sale
from invoice_service.flow import refund as refunding
from invoice_service.queries import refunds, vendor
from invoice_service.web.api import vendor_schemas as shapes
from invoice_service.web.api.reading import JsonParser
from invoice_service.web.api.schemas import PlacedOrder, Problem, Refund
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.identity import actor
from invoice_service.web.locale import language
from invoice_service.web.paging import Page, read_id_cursor, read_limit, read_time_cursor, write_cursor

blueprint = Blueprint("api_vendor", __name__, url_prefix="/api/v1", description="A vendor's own affairs")
blueprint.ARGUMENTS_PARSER = JsonParser()
_SESSION: dict[str, Any] = {"security": [{"sessionToken": []}]}
_KEYED: dict[str, Any] = _SESSION | {
    "parameters": [
        {
            "in": "header",
            "name": "Idempotency-Key",
            "required": True,
            "schema": {"type": "string", "minLength": 16, "maxLength": 200},
            "description": "Send the same key again and get the same sale.",
        }
    ]
}
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@blueprint.get("/vendor/today")
@audience(Audience.VENDOR)
@blueprint.response(200, shapes.Today)
@blueprint.doc(**_SESSION)
def today() -> Any:
    """Today at a glance: takings, orders, invoices, the last payments."""
    return vendor.today(services(), actor(), language())


@blueprint.get("/vendor/sales")
@audience(Audience.VENDOR)
@blueprint.arguments(shapes.SalesQuery, location="query")
@blueprint.response(200, shapes.Sales)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def sales(wanted: dict[str, Any]) -> Any:
    """Sales of a day by hour, of a week or month by day, of a quarter or year by month; and by goods."""
    return vendor.sales(services(), actor(), language(), wanted["period"], wanted["day"])


@blueprint.get("/vendor/orders")
@audience(Audience.VENDOR)
@blueprint.arguments(shapes.OrdersQuery, location="query")
@blueprint.response(200, shapes.OrderPage)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def orders(wanted: dict[str, Any]) -> Any:
    """Orders, newest first; by state, amount or days."""
    after, limit = read_id_cursor(wanted.pop("cursor")), read_limit(wanted.pop("limit"))
    found = vendor.orders(services(), actor(), language(), after=after, limit=limit, **wanted)
    return Page(found.rows, write_cursor(None if found.next_key is None else [str(found.next_key)]))


@blueprint.get("/vendor/orders/<uuid:order_id>")
@audience(Audience.VENDOR)
@blueprint.response(200, shapes.VendorOrder)
@blueprint.alt_response(404, schema=Problem)
@blueprint.doc(**_SESSION)
def order(order_id: UUID) -> Any:
    """One order: its lines, what was rounded off, its payments and its invoice."""
    return vendor.order(services(), actor(), language(), order_id)


@blueprint.post("/vendor/orders/<uuid:order_id>/refunds")
@audience(Audience.VENDOR)
@blueprint.arguments(shapes.RefundInput)
@blueprint.response(201, Refund)
@blueprint.alt_response(404, schema=Problem)
@blueprint.alt_response(409, schema=Problem)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_KEYED)
def pay_back(given: dict[str, Any], order_id: UUID) -> Any:
    """Pay back a sale of one's own, whole or in part. Needs a fresh proof.

    An invoice is locked on chain first and credited there after the money went back; one that a company has
    claimed waits 72 hours for its consent. Ask again under the refund's id until `settled_at` is there.
    """
    asked = refunding.ask(
        services(),
        actor(),
        order_id,
        None if given["lines"] is None else tuple(map(_back, enumerate(given["lines"]))),
        read_reason(given["reason"]),
        idempotency_key=request.headers.get("Idempotency-Key", ""),
    )
    return refunds.of_vendor(services(), actor(), asked.id), 201 if asked.created else 200


@blueprint.get("/vendor/refunds/<uuid:refund_id>")
@audience(Audience.VENDOR)
@blueprint.response(200, Refund)
@blueprint.alt_response(404, schema=Problem)
@blueprint.doc(**_SESSION)
def refund(refund_id: UUID) -> Any:
    """How a refund stands."""
    return refunds.of_vendor(services(), actor(), refund_id)


def _back(given: tuple[int, dict[str, Any]]) -> Back:
    """Raises BadQuantity."""
    n, line = given
    typed = line.get("quantity")
    quantity = None if typed is None else parse_quantity(typed, field=f"lines.{n}.quantity")
    return Back(line["line"], quantity, line.get("amount_fen"))


@blueprint.get("/vendor/invoices")
@audience(Audience.VENDOR)
@blueprint.arguments(shapes.ListQuery, location="query")
@blueprint.response(200, shapes.InvoicePage)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def invoices(wanted: dict[str, Any]) -> Any:
    """Invoices, newest first; by amount or days."""
    after, limit = read_time_cursor(wanted.pop("cursor")), read_limit(wanted.pop("limit"))
    found = vendor.invoices(services(), actor(), language(), after=after, limit=limit, **wanted)
    key = found.next_key
    return Page(found.rows, write_cursor(None if key is None else [key[0].isoformat(), key[1]]))


@blueprint.get("/vendor/goods")
@audience(Audience.VENDOR)
@blueprint.response(200, shapes.GoodsList)
@blueprint.doc(**_SESSION)
def goods() -> Any:
    """One's own goods, the units, and the catalogue of kinds to choose from."""
    return vendor.goods(services(), actor(), language())


@blueprint.post("/vendor/goods")
@audience(Audience.VENDOR)
@blueprint.arguments(shapes.GoodsInput)
@blueprint.response(201, shapes.AddedGoods)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def add_goods(given: dict[str, Any]) -> Any:
    """Sell another kind of goods. Needs a fresh proof."""
    return {"sku": edit_goods.add(services(), actor(), given)}


@blueprint.put("/vendor/goods/<sku>")
@audience(Audience.VENDOR)
@blueprint.arguments(shapes.GoodsChange)
@blueprint.response(204)
@blueprint.alt_response(409, schema=Problem)
@blueprint.doc(**_SESSION)
def change_goods(given: dict[str, Any], sku: str) -> None:
    """Change name, unit, price or kind; the latter three need a fresh proof."""
    expected = given.pop("expected_price_fen")
    edit_goods.edit(services(), actor(), sku, given, expected_price_fen=expected)


@blueprint.delete("/vendor/goods/<sku>")
@audience(Audience.VENDOR)
@blueprint.response(204)
@blueprint.alt_response(404, schema=Problem)
@blueprint.doc(**_SESSION)
def remove_goods(sku: str) -> None:
    """No longer sell it; what was sold stays as it is. Needs a fresh proof."""
    edit_goods.remove(services(), actor(), sku)


@blueprint.put("/vendor/goods/<sku>/price")
@audience(Audience.VENDOR)
@blueprint.arguments(shapes.PriceInput)
@blueprint.response(204)
@blueprint.alt_response(409, schema=Problem)
@blueprint.doc(**_SESSION)
def set_price(given: dict[str, Any], sku: str) -> None:
    """Another price. Needs a fresh proof; 409 if it is no longer the price that you saw."""
    edit_goods.set_price(services(), actor(), sku, **given)


@blueprint.put("/vendor/goods/<sku>/available")
@audience(Audience.VENDOR)
@blueprint.arguments(shapes.AvailableInput)
@blueprint.response(204)
@blueprint.alt_response(404, schema=Problem)
@blueprint.doc(**_SESSION)
def set_available(given: dict[str, Any], sku: str) -> None:
    """The sold-out switch."""
    edit_goods.set_available(services(), actor(), sku, **given)


@blueprint.get("/vendor/keyed-sales")
@audience(Audience.VENDOR)
@blueprint.response(200, shapes.Keying)
@blueprint.doc(**_SESSION)
def keying() -> Any:
    """What keying a sale needs: the stalls where one may sell now, one's goods, and the limits."""
    return vendor.keying(services(), actor(), language())


@blueprint.post("/vendor/keyed-sales")
@audience(Audience.VENDOR)
@blueprint.arguments(shapes.KeyedSaleInput)
@blueprint.response(201, PlacedOrder)
@blueprint.alt_response(409, schema=Problem)
@blueprint.doc(**_KEYED)
def key(given: dict[str, Any]) -> Any:
    """Key a sale: goods, plain amounts, rounded down or not. Show `pay_url`'s order as a QR code."""
    placed = key_sale.key_sale(
        services(),
        actor(),
        _keyed(given),
        idempotency_key=request.headers.get("Idempotency-Key", ""),
        stall_code=given["stall"],
    )
    answer = {
        "order_id": placed.token,
        "amount_fen": placed.amount_fen,
        "status": placed.status.value,
        "pay_url": f"{services().config.public_url}/o/{placed.token}",
        "expires_at": placed.expires_at,
    }
    return answer, 201 if placed.created else 200


@blueprint.get("/vendor/threshold")
@audience(Audience.VENDOR)
@blueprint.response(200, shapes.Threshold)
@blueprint.doc(**_SESSION)
def threshold() -> Any:
    """How much of the month's or quarter's threshold is used, and what is to be expected."""
    return vendor.gauge(services(), actor(), language())


@blueprint.get("/vendor/days/<day>")
@audience(Audience.VENDOR)
@blueprint.response(200, shapes.VendorDay)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def day(day: str) -> Any:
    """A day by channel, and how it was closed."""
    return vendor.day_close(services(), actor(), read_day(day, "day"))


@blueprint.post("/vendor/days/<day>/closes")
@audience(Audience.VENDOR)
@blueprint.arguments(shapes.DayCloseInput)
@blueprint.response(201, shapes.ClosedDay)
@blueprint.alt_response(409, schema=Problem)
@blueprint.doc(**_SESSION)
def close(given: dict[str, Any], day: str) -> Any:
    """Close a day, or close it again: the last counts. Needs a fresh proof."""
    return close_day.close_day(services(), actor(), read_day(day, "day"), **given)


@blueprint.get("/vendor/summary/<month>")
@audience(Audience.VENDOR)
@blueprint.response(200, shapes.VendorMonth)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def month_summary(month: str) -> Any:
    """A month (as 2026-11) by day and by goods."""
    return vendor.month_summary(services(), actor(), language(), _month(month))


@blueprint.get("/vendor/summary/<month>.xlsx")
@audience(Audience.VENDOR)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION, responses={"200": {"description": "the workbook", "content": {XLSX: {}}}})
def month_workbook(month: str) -> Response:
    """The month as an XLSX workbook, with what was paid back on each day.

    Needs a fresh proof; that it was taken out is recorded.
    """
    name, data = export_month.export_month(services(), actor(), language(), _month(month))
    response = Response(data, mimetype=XLSX)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _month(text: str) -> date:
    """Raises BadDay."""
    return read_day(f"{text}-01", "month")


def _keyed(given: dict[str, Any]) -> KeyedSale:
    """Raises BadQuantity, UnknownRounding."""
    items = (
        KeyedAmount(line["amount_fen"])
        if "amount_fen" in line
        else KeyedGoods(line["sku"], parse_quantity(line["quantity"], field=f"lines.{n}.quantity"))
        for n, line in enumerate(given["lines"])
    )
    return KeyedSale(tuple(items), read_rounding(given["rounding"]), given["round_off_fen"])
