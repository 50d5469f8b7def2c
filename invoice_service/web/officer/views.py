"""The tax officer's desk: from a region to its markets, their vendors, a vendor's sales, and one sale.

What is about vendors opens only after the officer has said why. A page that needs a reason asks for it in
its own place and then shows what was asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from invoice_service.domain.access import SayWhy
from invoice_service.domain.details import GOODS_CLASSES, read_day
from invoice_service.domain.money import BadAmount, parse_yuan
from invoice_service.domain.numbering import business_day
from invoice_service.domain.period import PeriodKind, check_day, period_of
from invoice_service.domain.policy import OutOfScope
from invoice_service.domain.tax_sources import COMPARED_WITH, TAX_CLASSES, TAXPAYER_KINDS, Asked, rates
from invoice_service.errors import Error, InvalidInput
from invoice_service.flow import look
from invoice_service.queries import documents, supervision
from invoice_service.web import charts
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.errors import told, told_fields
from invoice_service.web.identity import actor, maybe_actor
from invoice_service.web.locale import language
from invoice_service.web.paging import read_limit, read_sale_cursor, write_cursor

blueprint = Blueprint("officer", __name__, url_prefix="/officer")
NARROWED = ("compare", "taxpayer_kind", "tax_class", "rate")


@blueprint.context_processor
def _frame() -> dict[str, Any]:
    chinese = language() == "zh-CN"
    goods = {key.value: one.name_zh if chinese else one.name_en for key, one in GOODS_CLASSES.items()}
    offered = {
        "compare": COMPARED_WITH,
        "taxpayer_kind": TAXPAYER_KINDS,
        "tax_class": TAX_CLASSES,
        "rate": rates(),
    }
    return {
        "signed_in": maybe_actor,
        "goods_names": goods,
        "offered": offered,
        "asked_again": _asked_again,
        "presets": _presets,
    }


@blueprint.errorhandler(SayWhy)
def ask_why(error: SayWhy) -> tuple[str, int]:
    """In the place of what was asked for, which follows once the reason is recorded."""
    return _why_page(error.parameters, request.full_path.rstrip("?"), "", {}), error.status


# Where tax arises.


@blueprint.get("")
@audience(Audience.OFFICER)
def sources() -> str | tuple[str, int]:
    return _narrowed("officer/region.html", lambda asked: _region(asked))


@blueprint.get("/markets/<code>")
@audience(Audience.OFFICER)
def market(code: str) -> str | tuple[str, int]:
    return _narrowed("officer/market.html", lambda asked: _market(code, asked))


@blueprint.get("/vendors/<int:vendor_id>")
@audience(Audience.OFFICER)
def vendor(vendor_id: int) -> str | tuple[str, int]:
    return _narrowed("officer/vendor.html", lambda asked: _vendor(vendor_id, asked))


@blueprint.get("/stalls/<code>/sources")
@audience(Audience.OFFICER)
def stall(code: str) -> str | tuple[str, int]:
    return _narrowed("officer/stall_sources.html", lambda asked: _stall(code, asked))


def _stall(code: str, asked: Asked) -> dict[str, Any]:
    whole = Asked(asked.first_day, asked.last_day, asked.compare)
    return {"seen": supervision.stall(services(), actor(), language(), code, whole)}


def _region(asked: Asked) -> dict[str, Any]:
    seen = supervision.region(services(), actor(), language(), asked)
    top = seen.markets[: charts.RANKED]
    places = [(one.name, one.sums.figures.amount_fen, _url("officer.market", code=one.code)) for one in top]
    return {"seen": seen, "ranked": charts.ranked(places)}


def _market(code: str, asked: Asked) -> dict[str, Any]:
    seen = supervision.market(services(), actor(), language(), code, asked)
    top = seen.vendors[: charts.RANKED]
    places = [
        (one.name, one.sums.figures.amount_fen, _url("officer.vendor", vendor_id=one.id)) for one in top
    ]
    # Built once for hundreds of rows: making an address takes longer than the rest of a row.
    again = _url("officer.vendor", vendor_id=0).partition("?")[2]
    return {"seen": seen, "ranked": charts.ranked(places), "again": f"?{again}" if again else ""}


def _vendor(vendor_id: int, asked: Asked) -> dict[str, Any]:
    whole = Asked(asked.first_day, asked.last_day, asked.compare)
    seen = supervision.vendor(services(), actor(), language(), vendor_id, whole)
    after, limit = read_sale_cursor(request.args.get("cursor")), read_limit(request.args.get("limit"))
    found = supervision.sales(
        services(), actor(), language(), vendor_id, whole.first_day, whole.last_day,
        invoiced=request.args.get("invoiced", "all"), amount_fen=_amount(), after=after, limit=limit,
    )  # fmt: skip
    key = found.next_key
    cursor = write_cursor(None if key is None else (key[0].isoformat(), str(key[1])))
    return {"seen": seen, "sales": found.rows, "cursor": cursor, "is_first": after is None}


def _narrowed(template: str, found: Callable[[Asked], dict[str, Any]]) -> str | tuple[str, int]:
    """The page of what was asked for; with bad input, the form that asks, as it was filled in."""
    try:
        context = found(_asked())
    except InvalidInput as error:
        page = render_template(template, seen=None, form=request.args, errors=told_fields(error))
        return page, error.status
    chart = charts.sources(context["seen"].sources.days, _same_page)
    return render_template(template, chart=chart, form={}, errors={}, **context)


def _same_page(first_day: date, last_day: date) -> str:
    """For other days, the rest as it was asked for."""
    asked = _asked_again(first_day=first_day, last_day=last_day)
    return url_for(str(request.endpoint), **(request.view_args or {}) | asked)


def _presets() -> list[tuple[str, str]]:
    """Periods that are asked for most, and where each leads."""
    today = business_day(services().clock())
    month, quarter = period_of(PeriodKind.MONTH, today), period_of(PeriodKind.QUARTER, today)
    before = month.before()
    spans = (
        (gettext("Today"), today, today),
        (gettext("This month"), month.first_day, today),
        (gettext("Last month"), before.first_day, before.last_day),
        (gettext("This quarter"), quarter.first_day, today),
        (gettext("This year"), date(today.year, 1, 1), today),
    )
    return [(text, _same_page(first_day, last_day)) for text, first_day, last_day in spans]


def _asked() -> Asked:
    """This month until today where no days are given. Raises BadDay, BadListing, BadPeriod, DayOutOfRange."""
    today = business_day(services().clock())
    last_day = _day("last_day") or today
    first_day = _day("first_day") or last_day.replace(day=1)
    chosen = {name: request.args[name] for name in NARROWED if request.args.get(name)}
    return Asked(first_day, last_day, **chosen)


def _day(name: str) -> date | None:
    given = request.args.get(name, "")
    return check_day(read_day(given, name), name) if given else None


def _amount() -> int | None:
    given = request.args.get("amount", "").strip()
    try:
        return parse_yuan(given) if given else None
    except BadAmount:
        raise InvalidInput({"amount": BadAmount.message}) from None


def _asked_again(**changes: Any) -> dict[str, Any]:
    """What was asked, for a link that asks for it again with a change."""
    kept = ("first_day", "last_day", *NARROWED)
    asked = {name: request.args[name] for name in kept if request.args.get(name)}
    return asked | changes


def _url(endpoint: str, **named: Any) -> str:
    return url_for(endpoint, **_asked_again(**named))


# One sale.


@blueprint.get("/sales/<uuid:order_id>")
@audience(Audience.OFFICER)
def sale(order_id: UUID) -> str:
    look.at_sale(services(), actor(), order_id)
    found = supervision.sale(services(), actor(), language(), order_id)
    return render_template("officer/sale.html", seen=found)


@blueprint.get("/invoices/<number>")
@audience(Audience.OFFICER)
def invoice(number: str) -> AnyResponse:
    order_id = supervision.order_of_invoice(services(), actor(), number)
    return redirect(url_for("officer.sale", order_id=order_id), 303)


@blueprint.get("/sales/<uuid:order_id>/evidence")
@audience(Audience.OFFICER)
def evidence(order_id: UUID) -> AnyResponse:
    """The file that proves the sale's invoice to anyone."""
    look.at_sale(services(), actor(), order_id)
    number = supervision.sale(services(), actor(), language(), order_id).order.invoice_number
    if number is None:
        raise OutOfScope
    data = documents.supervised_evidence(services(), actor(), number).to_bytes()
    response = AnyResponse(data, mimetype="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="{number}.json"'
    return response


# Spot checks.


@blueprint.get("/check")
@audience(Audience.OFFICER)
def check() -> str:
    return render_template("officer/check.html", form={}, errors={})


@blueprint.post("/check")
@audience(Audience.OFFICER)
def check_stall() -> AnyResponse | tuple[str, int]:
    """`code` is a stall's code as typed, or what the camera read in its QR code."""
    form = request.form
    try:
        code = look.at_stall(services(), actor(), form.get("code", ""), form.get("reason", ""))
    except Error as error:
        fields = told_fields(error) or {"code": told(error.message, error.parameters)}
        return render_template("officer/check.html", form=request.form, errors=fields), error.status
    return redirect(url_for("officer.checked", code=code), 303)


@blueprint.get("/stalls/<code>")
@audience(Audience.OFFICER)
def checked(code: str) -> str:
    return render_template(
        "officer/stall.html", seen=supervision.stall_check(services(), actor(), language(), code)
    )


# Why.


@blueprint.post("/looks")
@audience(Audience.OFFICER)
def say_why() -> AnyResponse | tuple[str, int]:
    form = request.form
    whom = {name: form[name] for name in ("code", "vendor_id", "name") if form.get(name)}
    back = _own_page(form.get("next", ""))
    try:
        if "code" in whom:
            look.at_market(services(), actor(), whom["code"], form.get("reason", ""))
        else:
            look.at_vendor(services(), actor(), _number(whom.get("vendor_id")), form.get("reason", ""))
    except InvalidInput as error:
        return _why_page(whom, back, form.get("reason", ""), told_fields(error)), error.status
    flash(gettext("Recorded. Those concerned can read who looked, when and why."))
    return redirect(back, 303)


def _why_page(whom: Any, back: str, reason: str, errors: Any) -> str:
    if "stall" in whom:
        return render_template("officer/check.html", form={"code": whom["stall"]}, errors={})
    return render_template("officer/why.html", whom=whom, next=back, form={"reason": reason}, errors=errors)


def _own_page(path: str) -> str:
    """Only pages of this desk: nobody is sent elsewhere."""
    parts = urlsplit(path)
    home = url_for("officer.sources")
    inside = parts.path == home or parts.path.startswith(home + "/")
    return path if inside and not parts.scheme and not parts.netloc and "\\" not in path else home


def _number(text: str | None) -> int:
    """Raises OutOfScope for what is no vendor's number."""
    if not text or not (text.isascii() and text.isdigit() and len(text) < 19):
        raise OutOfScope
    return int(text)
