"""VAT returns on the vendor's phone: what is to be declared, and which sales stand behind each figure."""

from __future__ import annotations

from flask import render_template, request

from invoice_service.domain.details import read_day
from invoice_service.queries import returns
from invoice_service.web import paging
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.identity import actor
from invoice_service.web.locale import language
from invoice_service.web.vendor.views import blueprint


@blueprint.get("/returns")
@audience(Audience.VENDOR)
def vat_returns() -> str:
    return render_template("vendor/returns.html", view=returns.returns(services(), actor(), language()))


@blueprint.get("/returns/<first_day>")
@audience(Audience.VENDOR)
def vat_return(first_day: str) -> str:
    found = returns.one(services(), actor(), language(), read_day(first_day, "first_day"))
    return render_template("vendor/return.html", view=found)


@blueprint.get("/returns/<first_day>/cells/<int:line>")
@audience(Audience.VENDOR)
def return_cell(first_day: str, line: int) -> str:
    after = paging.read_sale_cursor(request.args.get("cursor"))
    day = read_day(first_day, "first_day")
    found = returns.cell(services(), actor(), language(), day, line, after=after)
    key = found.next_key
    older = paging.write_cursor(None if key is None else (key[0].isoformat(), str(key[1])))
    return render_template("vendor/return_cell.html", view=found, older=older)
