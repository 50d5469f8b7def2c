"""Allowances for programs: what vendors may invoice in a month, set by tax officers, raised on request.

Where no ceiling is set, the answer is 404 `allowance.none`. An invoice above a ceiling is refused with 409
`invoice.allowance_used`, or `invoice.above_allowance` where it is above all that a month allows.
"""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from invoice_service.domain.allowance import NoCeiling
from invoice_service.flow import allow
from invoice_service.queries import allowances, supervision
from invoice_service.web.api import allowance_schemas as shapes
from invoice_service.web.api.reading import JsonParser
from invoice_service.web.api.schemas import Problem
from invoice_service.web.api.supervision_schemas import ReasonInput
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.identity import actor
from invoice_service.web.locale import language
from invoice_service.web.paging import Page, read_limit, read_number_cursor, write_cursor

blueprint = Blueprint(
    "api_allowances", __name__, url_prefix="/api/v1", description="What vendors may invoice in a month"
)
blueprint.ARGUMENTS_PARSER = JsonParser()
_SESSION: dict[str, Any] = {"security": [{"sessionToken": []}]}


@blueprint.get("/vendor/allowance")
@audience(Audience.VENDOR)
@blueprint.response(200, shapes.VendorAllowance)
@blueprint.alt_response(404, schema=Problem)
@blueprint.doc(**_SESSION)
def own() -> Any:
    """What one may invoice this month, what is used of it, and one's last request for more."""
    return allowances.own(services(), actor())


@blueprint.post("/vendor/allowance/requests")
@audience(Audience.VENDOR)
@blueprint.arguments(shapes.AllowanceAskInput)
@blueprint.response(201, shapes.MadeAllowanceRequest)
@blueprint.alt_response(404, schema=Problem)
@blueprint.alt_response(409, schema=Problem)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def ask(given: dict[str, Any]) -> Any:
    """Ask the tax office for a higher ceiling. One request at a time: 409 while one waits."""
    return {"id": allow.ask(services(), actor(), given["asked_fen"], given["words"])}


@blueprint.get("/supervision/vendors/<int:vendor_id>/allowance")
@audience(Audience.OFFICER)
@blueprint.response(200, shapes.VendorAllowance)
@blueprint.alt_response(403, schema=Problem)
@blueprint.alt_response(404, schema=Problem)
@blueprint.doc(**_SESSION)
def allowance(vendor_id: int) -> Any:
    """A vendor's ceiling and what is used of it. Needs a look at the vendor."""
    found = supervision.allowance_of(services(), actor(), language(), vendor_id).allowance
    if found is None:
        raise NoCeiling
    return found


@blueprint.put("/supervision/vendors/<int:vendor_id>/allowance")
@audience(Audience.OFFICER)
@blueprint.arguments(shapes.CeilingInput)
@blueprint.response(204)
@blueprint.alt_response(403, schema=Problem)
@blueprint.alt_response(404, schema=Problem)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def set_ceiling(given: dict[str, Any], vendor_id: int) -> None:
    """Set a ceiling, or change it; a request that waits is answered by it. Needs a look at the vendor."""
    allow.set_ceiling(services(), actor(), vendor_id, **given)


@blueprint.delete("/supervision/vendors/<int:vendor_id>/allowance")
@audience(Audience.OFFICER)
@blueprint.arguments(ReasonInput, location="query")
@blueprint.response(204)
@blueprint.alt_response(403, schema=Problem)
@blueprint.alt_response(404, schema=Problem)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def lift(given: dict[str, str], vendor_id: int) -> None:
    """Lift the ceiling. Needs a look at the vendor."""
    allow.lift(services(), actor(), vendor_id, given["reason"])


@blueprint.get("/supervision/allowance-requests")
@audience(Audience.OFFICER)
@blueprint.arguments(shapes.AllowanceRequestsQuery, location="query")
@blueprint.response(200, shapes.AllowanceRequests)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def requests(wanted: dict[str, Any]) -> Any:
    """What vendors of the region ask for and nobody has answered, the oldest first."""
    after, limit = read_number_cursor(wanted["cursor"]), read_limit(wanted["limit"])
    found = allowances.requests(services(), actor(), language(), after=after, limit=limit)
    return Page(found.rows, write_cursor(None if found.next_key is None else [str(found.next_key)]))


@blueprint.post("/supervision/allowance-requests/<int:request_id>/answer")
@audience(Audience.OFFICER)
@blueprint.arguments(shapes.AllowanceAnswerInput)
@blueprint.response(204)
@blueprint.alt_response(404, schema=Problem)
@blueprint.alt_response(409, schema=Problem)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def answer(given: dict[str, Any], request_id: int) -> None:
    """Grant a ceiling, or refuse. Recorded; the vendor reads the words. 409 if it was answered meanwhile."""
    allow.answer(services(), actor(), request_id, **given)
