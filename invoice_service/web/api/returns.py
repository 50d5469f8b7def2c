"""VAT returns for programs: a vendor's periods, the figures of one, and the facts that each figure sums.

Pre-filled from the ledger, not an official tax-bureau service. A period that is over is sealed the day after,
at one in the morning in Asia/Shanghai; what comes in late is sealed as an amendment.
"""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from invoice_service.domain.details import read_day
from invoice_service.queries import returns
from invoice_service.web.api import return_schemas as shapes
from invoice_service.web.api.reading import JsonParser
from invoice_service.web.api.schemas import Problem
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.identity import actor
from invoice_service.web.locale import language
from invoice_service.web.paging import read_limit, read_sale_cursor, write_cursor

blueprint = Blueprint("api_returns", __name__, url_prefix="/api/v1", description="VAT returns, pre-filled")
blueprint.ARGUMENTS_PARSER = JsonParser()
_SESSION: dict[str, Any] = {"security": [{"sessionToken": []}]}


@blueprint.get("/supervision/vendors/<int:vendor_id>/returns")
@audience(Audience.OFFICER)
@blueprint.response(200, shapes.ReturnList)
@blueprint.alt_response(403, schema=Problem)
@blueprint.doc(**_SESSION)
def periods(vendor_id: int) -> Any:
    """A vendor's months or quarters with sales, the latest first. Needs a look at the vendor."""
    return returns.returns(services(), actor(), language(), vendor_id)


@blueprint.get("/supervision/vendors/<int:vendor_id>/returns/<first_day>")
@audience(Audience.OFFICER)
@blueprint.response(200, shapes.Return)
@blueprint.alt_response(403, schema=Problem)
@blueprint.alt_response(404, schema=Problem)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def one(vendor_id: int, first_day: str) -> Any:
    """The return of the period that begins on a day, and its sealed versions. Needs a look at the vendor."""
    return returns.one(services(), actor(), language(), read_day(first_day, "first_day"), vendor_id)


@blueprint.get("/supervision/vendors/<int:vendor_id>/returns/<first_day>/cells/<int:line>")
@audience(Audience.OFFICER)
@blueprint.arguments(shapes.CellQuery, location="query")
@blueprint.response(200, shapes.CellPage)
@blueprint.alt_response(403, schema=Problem)
@blueprint.alt_response(404, schema=Problem)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def cell(wanted: dict[str, Any], vendor_id: int, first_day: str, line: int) -> Any:
    """The sales or invoices that add up to a cell, the latest first. Needs a look at the vendor."""
    return _facts(wanted, first_day, line, vendor_id)


@blueprint.get("/vendor/returns")
@audience(Audience.VENDOR)
@blueprint.response(200, shapes.ReturnList)
@blueprint.doc(**_SESSION)
def own_periods() -> Any:
    """One's own months or quarters with sales, the latest first."""
    return returns.returns(services(), actor(), language())


@blueprint.get("/vendor/returns/<first_day>")
@audience(Audience.VENDOR)
@blueprint.response(200, shapes.Return)
@blueprint.alt_response(404, schema=Problem)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def own(first_day: str) -> Any:
    """One's own return of the period that begins on a day, and its sealed versions."""
    return returns.one(services(), actor(), language(), read_day(first_day, "first_day"))


@blueprint.get("/vendor/returns/<first_day>/cells/<int:line>")
@audience(Audience.VENDOR)
@blueprint.arguments(shapes.CellQuery, location="query")
@blueprint.response(200, shapes.CellPage)
@blueprint.alt_response(404, schema=Problem)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def own_cell(wanted: dict[str, Any], first_day: str, line: int) -> Any:
    """The sales or invoices that add up to a cell of one's own, the latest first."""
    return _facts(wanted, first_day, line, None)


def _facts(wanted: dict[str, Any], first_day: str, line: int, vendor_id: int | None) -> dict[str, Any]:
    after, limit = read_sale_cursor(wanted["cursor"]), read_limit(wanted["limit"])
    day = read_day(first_day, "first_day")
    found = returns.cell(services(), actor(), language(), day, line, vendor_id, after=after, limit=limit)
    key = found.next_key
    return {
        "period": found.period,
        "state": found.state,
        "cell": found.cell,
        "rows": found.rows,
        "next_cursor": write_cursor(None if key is None else (key[0].isoformat(), str(key[1]))),
    }
