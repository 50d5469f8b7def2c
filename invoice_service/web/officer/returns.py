"""A vendor's VAT returns on the tax desk, pre-filled from the ledger; after a look at the vendor."""

from __future__ import annotations

from flask import render_template, request

from invoice_service.domain.details import read_day
from invoice_service.queries import returns
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.identity import actor
from invoice_service.web.locale import language
from invoice_service.web.officer.views import blueprint
from invoice_service.web.paging import read_limit, read_sale_cursor, write_cursor


@blueprint.get("/vendors/<int:vendor_id>/returns")
@audience(Audience.OFFICER)
def vat_returns(vendor_id: int) -> str:
    found = returns.returns(services(), actor(), language(), vendor_id)
    return render_template("officer/returns.html", seen=found)


@blueprint.get("/vendors/<int:vendor_id>/returns/<first_day>")
@audience(Audience.OFFICER)
def vat_return(vendor_id: int, first_day: str) -> str:
    day = read_day(first_day, "first_day")
    found = returns.one(services(), actor(), language(), day, vendor_id)
    return render_template("officer/return.html", seen=found)


@blueprint.get("/vendors/<int:vendor_id>/returns/<first_day>/cells/<int:line>")
@audience(Audience.OFFICER)
def return_cell(vendor_id: int, first_day: str, line: int) -> str:
    day = read_day(first_day, "first_day")
    after, limit = read_sale_cursor(request.args.get("cursor")), read_limit(request.args.get("limit"))
    found = returns.cell(services(), actor(), language(), day, line, vendor_id, after=after, limit=limit)
    key = found.next_key
    cursor = write_cursor(None if key is None else (key[0].isoformat(), str(key[1])))
    return render_template("officer/return_cell.html", seen=found, cursor=cursor, is_first=after is None)
