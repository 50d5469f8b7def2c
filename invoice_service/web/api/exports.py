"""A market's sales for programs: in pages, as one CSV at once, or as a file made in the background.

All need a look at the market. An export's file is its owner's, and can be fetched for a day.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from flask_smorest import Blueprint

from invoice_service.domain.sales_asked import SalesAsked
from invoice_service.flow import export_sales
from invoice_service.queries import exports
from invoice_service.web.api import export_schemas as shapes
from invoice_service.web.api.reading import JsonParser
from invoice_service.web.api.schemas import Problem
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.files import gzipped_csv, streamed_csv
from invoice_service.web.identity import actor
from invoice_service.web.locale import language
from invoice_service.web.paging import Page, read_id_cursor, read_limit, write_cursor

blueprint = Blueprint(
    "api_exports", __name__, url_prefix="/api/v1/supervision", description="A market's sales"
)
blueprint.ARGUMENTS_PARSER = JsonParser()
_SESSION: dict[str, Any] = {"security": [{"sessionToken": []}]}
_CSV = {"responses": {"200": {"description": "CSV", "content": {"text/csv": {}}}}}
_GZIP = {"responses": {"200": {"description": "gzipped CSV", "content": {"application/gzip": {}}}}}


@blueprint.get("/markets/<code>/sales")
@audience(Audience.OFFICER)
@blueprint.arguments(shapes.SalesPageQuery, location="query")
@blueprint.response(200, shapes.MarketSalePage)
@blueprint.alt_response(403, schema=Problem)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def sales(wanted: dict[str, Any], code: str) -> Any:
    """All sales and refunds of a market in the order in which they were begun. Needs a look at the market."""
    after, limit = read_id_cursor(wanted.pop("cursor")), read_limit(wanted.pop("limit"))
    found = exports.sales(
        services(), actor(), language(), code, SalesAsked(**wanted), after=after, limit=limit
    )
    return Page(found.rows, write_cursor(None if found.next_key is None else [str(found.next_key)]))


@blueprint.get("/markets/<code>/sales.csv")
@audience(Audience.OFFICER)
@blueprint.arguments(shapes.SalesInput, location="query")
@blueprint.alt_response(403, schema=Problem)
@blueprint.alt_response(409, schema=Problem)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION, **_CSV)
def sales_csv(wanted: dict[str, Any], code: str) -> Response:
    """The same as CSV, streamed, up to 100,000 sales. Recorded."""
    asked = SalesAsked(**wanted)
    return streamed_csv(export_sales.at_once(services(), actor(), language(), code, asked), code, asked)


@blueprint.post("/markets/<code>/exports")
@audience(Audience.OFFICER)
@blueprint.arguments(shapes.SalesInput)
@blueprint.response(202, shapes.BegunExport)
@blueprint.alt_response(403, schema=Problem)
@blueprint.alt_response(409, schema=Problem)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def begin_export(wanted: dict[str, Any], code: str) -> Any:
    """Begin an export in the background, of any number of sales. Recorded."""
    return {"id": export_sales.begin(services(), actor(), language(), code, SalesAsked(**wanted))}


@blueprint.get("/exports")
@audience(Audience.OFFICER)
@blueprint.response(200, shapes.Export(many=True))
@blueprint.doc(**_SESSION)
def own_exports() -> Any:
    """One's own, the newest first."""
    return list(exports.own(services(), actor(), language()))


@blueprint.get("/exports/<uuid:export_id>")
@audience(Audience.OFFICER)
@blueprint.response(200, shapes.Export)
@blueprint.alt_response(404, schema=Problem)
@blueprint.doc(**_SESSION)
def export(export_id: UUID) -> Any:
    """How far it is."""
    return exports.one(services(), actor(), language(), export_id)


@blueprint.get("/exports/<uuid:export_id>/file")
@audience(Audience.OFFICER)
@blueprint.alt_response(404, schema=Problem)
@blueprint.doc(**_SESSION, **_GZIP)
def export_file(export_id: UUID) -> Response:
    """The file, for a day after it was done. Recorded."""
    return gzipped_csv(*export_sales.take_out(services(), actor(), export_id))


@blueprint.delete("/exports/<uuid:export_id>")
@audience(Audience.OFFICER)
@blueprint.response(204)
@blueprint.alt_response(404, schema=Problem)
@blueprint.doc(**_SESSION)
def throw_away(export_id: UUID) -> None:
    """Stop it, if it is not done, and throw its file away."""
    export_sales.throw_away(services(), actor(), export_id)
