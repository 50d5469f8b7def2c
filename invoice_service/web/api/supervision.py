"""Tax supervision for programs: where tax arises, from a region down to one sale; and spot checks.

A region's sums by market are open to its officers. What is about vendors is opened by a *look*: a reason,
recorded where those concerned can read it, good for half an hour. Without one the answer is 403
`look.say_why`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import request
from flask_smorest import Blueprint

from invoice_service.domain.tax_sources import Asked
from invoice_service.flow import check_pile, look
from invoice_service.queries import checks, supervision
from invoice_service.web import checking
from invoice_service.web.api import supervision_schemas as shapes
from invoice_service.web.api.reading import JsonParser
from invoice_service.web.api.schemas import Problem
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.identity import actor
from invoice_service.web.locale import language
from invoice_service.web.paging import Page, read_limit, read_sale_cursor, write_cursor

blueprint = Blueprint(
    "api_supervision", __name__, url_prefix="/api/v1/supervision", description="Tax supervision"
)
blueprint.ARGUMENTS_PARSER = JsonParser()
_SESSION: dict[str, Any] = {"security": [{"sessionToken": []}]}
_PILE: dict[str, Any] = _SESSION | {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["reason"],
                    "properties": {
                        "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
                        "numbers": {"type": "string"},
                        "reason": {"type": "string"},
                    },
                }
            }
        },
    }
}


@blueprint.get("/sources")
@audience(Audience.OFFICER)
@blueprint.arguments(shapes.SourcesQuery, location="query")
@blueprint.response(200, shapes.RegionSources)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def sources(wanted: dict[str, Any]) -> Any:
    """The region: turnover, exempt sales and tax by market, day, rule, kind of goods and of sellers."""
    return supervision.region(services(), actor(), language(), Asked(**wanted))


@blueprint.post("/markets/<code>/looks")
@audience(Audience.OFFICER)
@blueprint.arguments(shapes.ReasonInput)
@blueprint.response(201, shapes.Look)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def look_at_market(given: dict[str, str], code: str) -> Any:
    """Say why you look at a market's vendors. Every vendor there can read it."""
    return {"until": look.at_market(services(), actor(), code, given["reason"])}


@blueprint.get("/markets/<code>")
@audience(Audience.OFFICER)
@blueprint.arguments(shapes.SourcesQuery, location="query")
@blueprint.response(200, shapes.MarketSources)
@blueprint.alt_response(403, schema=Problem)
@blueprint.doc(**_SESSION)
def market(wanted: dict[str, Any], code: str) -> Any:
    """One market, vendor by vendor and stall by stall. Needs a look at the market."""
    return supervision.market(services(), actor(), language(), code, Asked(**wanted))


@blueprint.post("/vendors/<int:vendor_id>/looks")
@audience(Audience.OFFICER)
@blueprint.arguments(shapes.ReasonInput)
@blueprint.response(201, shapes.Look)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def look_at_vendor(given: dict[str, str], vendor_id: int) -> Any:
    """Say why you look at a vendor's books. The vendor can read it."""
    return {"until": look.at_vendor(services(), actor(), vendor_id, given["reason"])}


@blueprint.get("/vendors/<int:vendor_id>")
@audience(Audience.OFFICER)
@blueprint.arguments(shapes.ComparedQuery, location="query")
@blueprint.response(200, shapes.VendorSources)
@blueprint.alt_response(403, schema=Problem)
@blueprint.doc(**_SESSION)
def vendor(wanted: dict[str, Any], vendor_id: int) -> Any:
    """A vendor's identity, licence, threshold and sums. Needs a look at the vendor."""
    return supervision.vendor(services(), actor(), language(), vendor_id, Asked(**wanted))


@blueprint.get("/vendors/<int:vendor_id>/sales")
@audience(Audience.OFFICER)
@blueprint.arguments(shapes.SalesQuery, location="query")
@blueprint.response(200, shapes.SalePage)
@blueprint.alt_response(403, schema=Problem)
@blueprint.doc(**_SESSION)
def sales(wanted: dict[str, Any], vendor_id: int) -> Any:
    """A vendor's paid orders, invoiced or not, the latest first. Needs a look at the vendor."""
    after, limit = read_sale_cursor(wanted.pop("cursor")), read_limit(wanted.pop("limit"))
    found = supervision.sales(services(), actor(), language(), vendor_id, after=after, limit=limit, **wanted)
    key = found.next_key
    return Page(found.rows, write_cursor(None if key is None else (key[0].isoformat(), str(key[1]))))


@blueprint.get("/sales/<uuid:order_id>")
@audience(Audience.OFFICER)
@blueprint.response(200, shapes.Sale)
@blueprint.alt_response(403, schema=Problem)
@blueprint.doc(**_SESSION)
def sale(order_id: UUID) -> Any:
    """One sale, its invoice and both entries in the ledger. Needs a look at the vendor; is recorded."""
    look.at_sale(services(), actor(), order_id)
    return supervision.sale(services(), actor(), language(), order_id)


@blueprint.post("/spot-checks")
@audience(Audience.OFFICER)
@blueprint.arguments(shapes.SpotCheckInput)
@blueprint.response(201, shapes.SpotCheck)
@blueprint.alt_response(404, schema=Problem)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def begin_spot_check(given: dict[str, str]) -> Any:
    """Begin a spot check of a stall, by its code. Recorded; whoever sells there can read it."""
    return {"stall": look.at_stall(services(), actor(), given["code"], given["reason"])}


@blueprint.get("/stalls/<code>")
@audience(Audience.OFFICER)
@blueprint.response(200, shapes.StallCheck)
@blueprint.alt_response(403, schema=Problem)
@blueprint.doc(**_SESSION)
def checked(code: str) -> Any:
    """Who may sell there now, today's sums, and the last minutes' sales against the chain."""
    return supervision.stall_check(services(), actor(), language(), code)


@blueprint.get("/stalls/<code>/sources")
@audience(Audience.OFFICER)
@blueprint.arguments(shapes.ComparedQuery, location="query")
@blueprint.response(200, shapes.StallSources)
@blueprint.alt_response(403, schema=Problem)
@blueprint.doc(**_SESSION)
def stall(wanted: dict[str, Any], code: str) -> Any:
    """What was sold at one stall, by whomever. Needs a look at its market."""
    return supervision.stall(services(), actor(), language(), code, Asked(**wanted))


@blueprint.post("/checks")
@audience(Audience.OFFICER)
@blueprint.response(201, shapes.BegunCheck)
@blueprint.alt_response(422, schema=Problem)
@blueprint.alt_response(429, schema=Problem)
@blueprint.doc(**_PILE)
def begin_check() -> Any:
    """Bring a pile: `files` (PDF, JSON, ZIP, XLSX, CSV) and `numbers`, one to a line. Then take steps."""
    form = request.form
    check_id = check_pile.begin(
        services(), actor(), checking.brought(), form.get("numbers", ""), form.get("reason", "")
    )
    return {"id": check_id}


@blueprint.post("/checks/<int:check_id>/steps")
@audience(Audience.OFFICER)
@blueprint.response(200, shapes.CheckProgress)
@blueprint.alt_response(404, schema=Problem)
@blueprint.doc(**_SESSION)
def check_step(check_id: int) -> Any:
    """Check for most of a second. Repeat until `done` is `size`."""
    return check_pile.step(services(), actor(), check_id)


@blueprint.get("/checks/<int:check_id>")
@audience(Audience.OFFICER)
@blueprint.response(200, shapes.Check)
@blueprint.alt_response(404, schema=Problem)
@blueprint.doc(**_SESSION)
def check(check_id: int) -> Any:
    """What came out so far, for each thing in the pile. One's own checks only."""
    return checks.one(services(), actor(), check_id)
