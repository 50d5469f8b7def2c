"""The vendor's phone: today, sales, orders, goods, keyed sales, the threshold, closing the day, months.

Each view makes one flow call or one query. What needs a confirmation leads to the PIN and comes back to the
form with what was typed.
"""

from __future__ import annotations

import secrets
from datetime import date
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from invoice_service.documents import qr
from invoice_service.domain.numbering import SHANGHAI, business_day
from invoice_service.domain.order import UnknownOrder
from invoice_service.domain.period import DAY
from invoice_service.domain.policy import ConfirmFirst, OutOfScope
from invoice_service.domain.refund import Back, Reason
from invoice_service.errors import Error
from invoice_service.flow import close_day as closing
from invoice_service.flow import edit_goods as editing
from invoice_service.flow import export_month as exporting
from invoice_service.flow import key_sale as keying
from invoice_service.flow import refund as refunding
from invoice_service.queries import live as live_marks
from invoice_service.queries import shopper, vendor
from invoice_service.queries.vendor_views import GoodsItem, GoodsView
from invoice_service.queries.views import OrderView
from invoice_service.web import paging
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import live, services
from invoice_service.web.identity import actor
from invoice_service.web.locale import language
from invoice_service.web.vendor import forms, words
from invoice_service.web.vendor.plot import plot

blueprint = Blueprint("vendor", __name__, url_prefix="/vendor")
EVENING_FROM = 17  # o'clock: the day's close is offered on the first page
NEW_GOODS = "new"  # stands where a sku would
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
WARE_FIELDS = ("name_zh", "name_en", "unit", "price_yuan", "kind")
for name, words_of in words.FILTERS.items():
    blueprint.add_app_template_filter(words_of, name)


# Today.


@blueprint.get("")
@audience(Audience.VENDOR)
def today() -> str:
    return render_template("vendor/today.html", **_today())


@blueprint.get("/part")
@audience(Audience.VENDOR)
def today_part() -> str:
    return render_template("vendor/_today.html", **_today())


@blueprint.get("/live")
@audience(Audience.VENDOR)
def live_today() -> Response:
    topic = str(actor().vendor_id)
    return live().stream("vendor", topic, live_marks.vendor_marks(services(), [topic])[topic])


def _today() -> dict[str, Any]:
    now = services().clock().astimezone(SHANGHAI)
    found = vendor.today(services(), actor(), language())
    return {"today": found, "is_evening": now.hour >= EVENING_FROM}


# Sales.


@blueprint.get("/sales")
@audience(Audience.VENDOR)
def sales() -> str:
    by, day = request.args.get("by", "day"), forms.read_day(request.args.get("day"))
    found = vendor.sales(services(), actor(), language(), by, day)
    points = [words.point(bar, found.period.kind) for bar in found.bars]
    drawing, summary = plot(points), words.summary(points)
    return render_template("vendor/sales.html", sales=found, plot=drawing, summary=summary)


# Orders and invoices.


@blueprint.get("/orders")
@audience(Audience.VENDOR)
def orders() -> str | tuple[str, int]:
    try:
        day, amount_fen = _sought()
        found = vendor.orders(
            services(),
            actor(),
            language(),
            after=paging.read_id_cursor(request.args.get("cursor")),
            amount_fen=amount_fen,
            from_day=day,
            to_day=day,
        )
    except Error as error:
        return _nothing_found("vendor/orders.html", error)
    key = found.next_key
    older = paging.write_cursor(None if key is None else [str(key)])
    return render_template("vendor/orders.html", rows=found.rows, older=older, errors={})


@blueprint.get("/invoices")
@audience(Audience.VENDOR)
def invoices() -> str | tuple[str, int]:
    try:
        day, amount_fen = _sought()
        found = vendor.invoices(
            services(),
            actor(),
            language(),
            after=paging.read_time_cursor(request.args.get("cursor")),
            amount_fen=amount_fen,
            from_day=day,
            to_day=day,
        )
    except Error as error:
        return _nothing_found("vendor/invoices.html", error)
    key = found.next_key
    older = paging.write_cursor(None if key is None else [key[0].isoformat(), key[1]])
    return render_template("vendor/invoices.html", rows=found.rows, older=older, errors={})


@blueprint.get("/orders/<uuid:order_id>")
@audience(Audience.VENDOR)
def order(order_id: UUID) -> str:
    found = vendor.order(services(), actor(), language(), order_id)
    return render_template("vendor/order.html", order=found)


@blueprint.get("/orders/<uuid:order_id>/refund")
@audience(Audience.VENDOR)
def refund(order_id: UUID) -> str:
    return _refund_page(order_id, request.args.to_dict(), {})


@blueprint.post("/orders/<uuid:order_id>/refund")
@audience(Audience.VENDOR)
def pay_back(order_id: UUID) -> AnyResponse | tuple[str, int]:
    """The form's own random number makes a second tap the same refund."""
    form = request.form.to_dict()
    wanted: tuple[Back, ...] | None = ()
    try:
        wanted, reason = forms.read_refund(form)
        key = form.get("once") or secrets.token_urlsafe(16)
        refunding.ask(services(), actor(), order_id, wanted, reason, idempotency_key=key)
    except ConfirmFirst:
        kept = {name: text for name, text in form.items() if name != "csrf_token"}
        return forms.confirm_and_return("vendor.refund", order_id=str(order_id), **kept)
    except Error as error:
        if error.status == 404:
            raise
        fields = {f"lines.{n}": f"{forms.BACK}{back.line}" for n, back in enumerate(wanted or ())}
        errors = forms.errors_of(error, fields | {"lines": "reason"}, "reason")
        return _refund_page(order_id, form, errors), error.status
    return redirect(url_for("vendor.order", order_id=order_id), 303)


def _refund_page(order_id: UUID, form: dict[str, str], errors: dict[str, str]) -> str:
    found = vendor.order(services(), actor(), language(), order_id)
    if found.paid_at is None:  # nothing leads here; whoever comes all the same is told before typing
        raise refunding.NothingPaid
    return render_template(
        "vendor/refund.html",
        order=found,
        left_fen=sum(line.left_fen for line in found.lines),
        reasons=tuple(Reason),
        form=form,
        errors=errors,
        once=form.get("once") or secrets.token_urlsafe(16),
    )


def _sought() -> tuple[date | None, int | None]:
    """The day and the amount looked for. Raises InvalidInput with what is wrong in either."""
    return forms.read_both(
        lambda: forms.read_day(request.args.get("day")),
        lambda: forms.read_fen(request.args.get("amount"), "amount"),
    )


def _nothing_found(template: str, error: Error) -> tuple[str, int]:
    """What was typed stays, with what is wrong beside it."""
    if not error.fields:
        raise error
    fields = {"amount_fen": "amount", "from_day": "day", "to_day": "day"}
    errors = forms.errors_of(error, fields, "amount")
    return render_template(template, rows=(), older=None, errors=errors), error.status


# Goods and prices.


@blueprint.get("/goods")
@audience(Audience.VENDOR)
def goods() -> str:
    return _goods_page({})


@blueprint.post("/goods/<sku>/price")
@audience(Audience.VENDOR)
def set_price(sku: str) -> AnyResponse | tuple[str, int]:
    form = request.form.to_dict()
    typed = form.get("price_yuan", "")
    try:
        price_fen = forms.read_fen(typed, "price_yuan") or 0
        expected_fen = _number(form.get("expected_price_fen"))
        editing.set_price(services(), actor(), sku, price_fen, expected_price_fen=expected_fen)
    except ConfirmFirst:
        return forms.confirm_and_return("vendor.goods", sku=sku, price_yuan=typed)
    except Error as error:
        if error.status == 404:
            raise
        field = f"price-{sku}"
        fields = {"price_yuan": field, "price_fen": field, "expected_price_fen": field}
        return _goods_page(forms.errors_of(error, fields, field), {sku: typed}), error.status
    return redirect(url_for("vendor.goods", saved=sku, _anchor=f"ware-{sku}"), 303)


@blueprint.post("/goods/<sku>/available")
@audience(Audience.VENDOR)
def set_available(sku: str) -> AnyResponse | str:
    editing.set_available(services(), actor(), sku, available=request.form.get("available") == "yes")
    if "HX-Request" in request.headers:
        item = _item(vendor.goods(services(), actor(), language()), sku)
        return render_template("vendor/_ware.html", item=item, errors={}, typed={})
    return redirect(url_for("vendor.goods", _anchor=f"ware-{sku}"), 303)


@blueprint.get("/goods/<sku>")
@audience(Audience.VENDOR)
def ware(sku: str) -> str:
    return _ware_page(sku, request.args.to_dict(), {})


@blueprint.post("/goods/<sku>")
@audience(Audience.VENDOR)
def save_ware(sku: str) -> AnyResponse | tuple[str, int]:
    form = request.form.to_dict()
    given = {field: form.get(field, "") for field in WARE_FIELDS}
    try:
        if sku == NEW_GOODS:
            sku = editing.add(services(), actor(), given)
        else:
            expected_fen = _number(form.get("expected_price_fen"))
            editing.edit(services(), actor(), sku, given, expected_price_fen=expected_fen)
    except ConfirmFirst:
        return forms.confirm_and_return("vendor.ware", sku=sku, **given)
    except Error as error:
        if error.status == 404:
            raise
        fields = {"price_fen": "price_yuan", "expected_price_fen": "price_yuan"}
        return _ware_page(sku, form, forms.errors_of(error, fields, "price_yuan")), error.status
    return redirect(url_for("vendor.goods", saved=sku, _anchor=f"ware-{sku}"), 303)


@blueprint.post("/goods/<sku>/remove")
@audience(Audience.VENDOR)
def remove_ware(sku: str) -> AnyResponse:
    try:
        editing.remove(services(), actor(), sku)
    except ConfirmFirst:
        return forms.confirm_and_return("vendor.ware", sku=sku, remove="yes")
    return redirect(url_for("vendor.goods"), 303)


def _goods_page(errors: dict[str, str], typed: dict[str, str] | None = None) -> str:
    """`?sku=…&price_yuan=…` comes back from the PIN with the price that was typed before it."""
    asked = request.args
    kept = typed or ({asked["sku"]: asked.get("price_yuan", "")} if "sku" in asked else {})
    found = vendor.goods(services(), actor(), language())
    confirmed = bool(kept) and not errors
    saved = next((item for item in found.items if item.sku == asked.get("saved")), None)
    return render_template(
        "vendor/goods.html", goods=found, errors=errors, typed=kept, confirmed=confirmed, saved=saved
    )


def _ware_page(sku: str, form: dict[str, str], errors: dict[str, str]) -> str:
    found = vendor.goods(services(), actor(), language())
    item = None if sku == NEW_GOODS else _item(found, sku)
    return render_template("vendor/ware.html", goods=found, item=item, sku=sku, form=form, errors=errors)


def _item(found: GoodsView, sku: str) -> GoodsItem:
    item = next((item for item in found.items if item.sku == sku), None)
    if item is None:
        raise OutOfScope
    return item


def _number(text: str | None) -> int:
    """A hidden field that a page of ours wrote; what anybody else writes matches nothing."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else 0


# Keying a sale.


@blueprint.get("/key")
@audience(Audience.VENDOR)
def key() -> str:
    return _key_page({}, {})


@blueprint.post("/key")
@audience(Audience.VENDOR)
def key_sale() -> AnyResponse | tuple[str, int]:
    """The form's own random number makes a second tap show the same sale."""
    form = request.form.to_dict()
    try:
        placed = keying.key_sale(
            services(),
            actor(),
            forms.read_sale(form),
            idempotency_key=form.get("once") or secrets.token_urlsafe(16),
            stall_code=form.get("stall") or None,
        )
    except Error as error:
        fields = {"amount_fen": "amount_yuan", "stall_code": "stall", "lines": "goods", "items": "goods"}
        return _key_page(form, forms.errors_of(error, fields, "amount_yuan")), error.status
    return redirect(url_for("vendor.keyed", token=placed.token), 303)


@blueprint.get("/key/<token>")
@audience(Audience.VENDOR)
def keyed(token: str) -> str:
    return render_template("vendor/keyed.html", **_keyed(token))


@blueprint.get("/key/<token>/part")
@audience(Audience.VENDOR)
def keyed_part(token: str) -> str:
    return render_template("vendor/_keyed.html", **_keyed(token))


@blueprint.get("/key/<token>/live")
@audience(Audience.VENDOR)
def keyed_live(token: str) -> Response:
    mark = live_marks.order_marks(services(), [token]).get(token)
    if mark is None:
        raise UnknownOrder
    return live().stream("order", token, mark)


def _key_page(form: dict[str, str], errors: dict[str, str]) -> str:
    found = vendor.keying(services(), actor(), language())
    once = form.get("once") or secrets.token_urlsafe(16)
    return render_template("vendor/key.html", keying=found, form=form, errors=errors, once=once)


def _keyed(token: str) -> dict[str, Any]:
    """The shopper scans what opens the order's page."""
    found: OrderView = shopper.order(services(), token, language())
    url = f"{services().config.public_url}{url_for('shopper.order', token=token)}"
    code = qr.svg(url, title=words.code_words(found.amount_fen))
    return {"order": found, "code": Markup(code)}  # noqa: S704 - our own drawing, its title escaped


# The threshold.


@blueprint.get("/threshold")
@audience(Audience.VENDOR)
def threshold() -> str:
    return render_template("vendor/threshold.html", view=vendor.gauge(services(), actor(), language()))


@blueprint.get("/threshold/part")
@audience(Audience.VENDOR)
def threshold_part() -> str:
    return render_template("vendor/_gauge.html", view=vendor.gauge(services(), actor(), language()))


# Closing the day.


@blueprint.get("/close")
@audience(Audience.VENDOR)
def close() -> str:
    return _close_page(forms.read_day(request.args.get("day")), request.args.to_dict(), {})


@blueprint.post("/close")
@audience(Audience.VENDOR)
def close_with_counts() -> AnyResponse | tuple[str, int]:
    form = request.form.to_dict()
    day = forms.read_day(form.get("day")) or business_day(services().clock())
    try:
        stated, cash_fen = forms.read_counts(form)
        note = form.get("note", "")
        closing.close_day(services(), actor(), day, stated_fen=stated, cash_fen=cash_fen, note=note)
    except ConfirmFirst:
        return forms.confirm_and_return("vendor.close", **forms.counted(form))
    except Error as error:
        if not error.fields:
            raise
        fields = {"cash_fen": "cash_yuan", "day": "note"}
        return _close_page(day, form, forms.errors_of(error, fields, "note")), error.status
    return redirect(url_for("vendor.closed", day=day), 303)


@blueprint.get("/closed/<day>")
@audience(Audience.VENDOR)
def closed(day: str) -> str:
    found = vendor.day_close(services(), actor(), forms.read_day(day))
    return render_template("vendor/closed.html", view=found)


def _close_page(day: date | None, form: dict[str, str], errors: dict[str, str]) -> str:
    found = vendor.day_close(services(), actor(), day)
    earlier, later = found.day - DAY, found.day + DAY
    return render_template(
        "vendor/close.html", view=found, form=form, errors=errors, earlier=earlier, later=later
    )


# Months.


@blueprint.get("/months")
@audience(Audience.VENDOR)
def months() -> str:
    day = forms.read_day(request.args.get("day"))
    found = vendor.sales(services(), actor(), language(), "year", day)
    return render_template("vendor/months.html", sales=found, ready=forms.read_day(request.args.get("ready")))


@blueprint.get("/months/<day>.xlsx")
@audience(Audience.VENDOR)
def workbook(day: str) -> AnyResponse:
    first = forms.read_day(day) or business_day(services().clock())
    try:
        name, data = exporting.export_month(services(), actor(), language(), first)
    except ConfirmFirst:
        return forms.confirm_and_return("vendor.months", day=day, ready=day)
    response = Response(data, mimetype=XLSX)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


# More.


@blueprint.get("/more")
@audience(Audience.VENDOR)
def more() -> str:
    return render_template("vendor/more.html")
