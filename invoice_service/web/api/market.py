"""The market's desk for programs: stalls, vendors, who sells where, figures, posters and lists.

The session is an operator's, or an administrator's who names a market by `?market=CODE` wherever a list or a
sum is asked. A stall's code and a vendor's number are enough by themselves: what is outside a session's scope
answers 404. Exports need a proof of who is there that is at most ten minutes old.
"""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask_smorest import Blueprint

from invoice_service.documents.sheets import NotASpreadsheet
from invoice_service.flow import (
    authorise_seller,
    export_turnover,
    import_lists,
    manage_market,
    manage_stall,
    manage_vendor,
    reissue_code,
)
from invoice_service.queries import market
from invoice_service.web.api import market_schemas as shapes
from invoice_service.web.api.reading import JsonParser
from invoice_service.web.api.schemas import Problem
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.errors import told
from invoice_service.web.identity import actor
from invoice_service.web.locale import language
from invoice_service.web.paging import Page, read_cursor, read_limit, write_cursor

blueprint = Blueprint("api_market", __name__, url_prefix="/api/v1", description="The market operator's desk")
blueprint.ARGUMENTS_PARSER = JsonParser()
_SESSION: dict[str, Any] = {"security": [{"sessionToken": []}]}
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PDF = "application/pdf"
_LIST_FILE: dict[str, Any] = _SESSION | {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}
            }
        },
    }
}


# Markets


@blueprint.get("/markets")
@audience(Audience.MARKET)
@blueprint.response(200, shapes.Markets)
@blueprint.doc(**_SESSION)
def markets() -> Any:
    """The markets that one runs: an operator's one, an administrator's all."""
    return {"items": market.markets(services(), actor(), language())}


@blueprint.post("/markets")
@audience(Audience.ADMIN)
@blueprint.arguments(shapes.NewMarketInput)
@blueprint.response(201, shapes.AddedCode)
@blueprint.alt_response(409, schema=Problem)
@blueprint.doc(**_SESSION)
def add_market(given: dict[str, str]) -> Any:
    """A new market."""
    return {"code": manage_market.add(services(), actor(), given)}


@blueprint.get("/market")
@audience(Audience.MARKET)
@blueprint.arguments(shapes.MarketQuery, location="query")
@blueprint.response(200, shapes.Market)
@blueprint.doc(**_SESSION)
def one_market(wanted: dict[str, Any]) -> Any:
    """The market itself."""
    return market.market(services(), actor(), language(), wanted["market"])


@blueprint.put("/market")
@audience(Audience.MARKET)
@blueprint.arguments(shapes.MarketQuery, location="query")
@blueprint.arguments(shapes.MarketInput)
@blueprint.response(204)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def change_market(wanted: dict[str, Any], given: dict[str, str]) -> None:
    """Its names, region and address."""
    manage_market.edit(services(), actor(), given, wanted["market"])


@blueprint.get("/market/overview")
@audience(Audience.MARKET)
@blueprint.arguments(shapes.MarketQuery, location="query")
@blueprint.response(200, shapes.Overview)
@blueprint.doc(**_SESSION)
def overview(wanted: dict[str, Any]) -> Any:
    """Today, and what needs a look: licences, stalls that fell silent or hardly invoice."""
    return market.overview(services(), actor(), language(), wanted["market"])


@blueprint.get("/market/wall")
@audience(Audience.MARKET)
@blueprint.arguments(shapes.MarketQuery, location="query")
@blueprint.response(200, shapes.Wall)
@blueprint.doc(**_SESSION)
def wall(wanted: dict[str, Any]) -> Any:
    """What the wall page shows: totals, the last sales, the latest heads on the chain."""
    return market.wall(services(), actor(), language(), wanted["market"])


@blueprint.get("/market/turnover")
@audience(Audience.MARKET)
@blueprint.arguments(shapes.TurnoverQuery, location="query")
@blueprint.response(200, shapes.Turnover)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def turnover(wanted: dict[str, Any]) -> Any:
    """Turnover by stall, vendor, goods, kind of goods, hour or day."""
    return market.turnover(services(), actor(), language(), market_code=wanted.pop("market"), **wanted)


@blueprint.get("/market/turnover.xlsx")
@audience(Audience.MARKET)
@blueprint.arguments(shapes.TurnoverQuery, location="query")
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION, responses={"200": {"description": "the workbook", "content": {XLSX: {}}}})
def turnover_workbook(wanted: dict[str, Any]) -> Response:
    """The same as an XLSX workbook. Needs a fresh proof; that it was taken out is recorded."""
    market_code = wanted.pop("market")
    name, data = export_turnover.export(services(), actor(), language(), market_code=market_code, **wanted)
    return _file(data, name, XLSX)


@blueprint.get("/market/posters.pdf")
@audience(Audience.MARKET)
@blueprint.arguments(shapes.PostersQuery, location="query")
@blueprint.alt_response(404, schema=Problem)
@blueprint.doc(**_SESSION, responses={"200": {"description": "the posters", "content": {PDF: {}}}})
def posters(wanted: dict[str, Any]) -> Response:
    """Print-ready posters of some stalls' codes or of all, a page each."""
    size = wanted["size"]
    data = market.posters(services(), actor(), wanted["stall"], size=size, market_code=wanted["market"])
    return _file(data, f"posters-{size}.pdf", PDF)


# Stalls


@blueprint.get("/market/stalls")
@audience(Audience.MARKET)
@blueprint.arguments(shapes.StallsQuery, location="query")
@blueprint.response(200, shapes.StallPage)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def stalls(wanted: dict[str, Any]) -> Any:
    """Stalls with today's figures, sorted and filtered."""
    after, limit = read_cursor(wanted.pop("cursor"), parts=2), read_limit(wanted.pop("limit"))
    code = wanted.pop("market")
    found = market.stalls(services(), actor(), language(), code, after=after, limit=limit, **wanted)
    return Page(found.rows, write_cursor(found.next_key))


@blueprint.post("/market/stalls")
@audience(Audience.MARKET)
@blueprint.arguments(shapes.MarketQuery, location="query")
@blueprint.arguments(shapes.NewStallInput)
@blueprint.response(201, shapes.AddedCode)
@blueprint.alt_response(409, schema=Problem)
@blueprint.doc(**_SESSION)
def add_stall(wanted: dict[str, Any], given: dict[str, str]) -> Any:
    """A new stall with its first code."""
    return {"code": manage_stall.add(services(), actor(), given, wanted["market"])}


@blueprint.get("/market/stalls/<code>")
@audience(Audience.MARKET)
@blueprint.response(200, shapes.StallDetail)
@blueprint.alt_response(404, schema=Problem)
@blueprint.doc(**_SESSION)
def stall(code: str) -> Any:
    """One stall: figures, who sells there when, and its codes. The look is recorded."""
    manage_stall.look(services(), actor(), code)
    return market.stall(services(), actor(), language(), code)


@blueprint.put("/market/stalls/<code>")
@audience(Audience.MARKET)
@blueprint.arguments(shapes.StallInput)
@blueprint.response(204)
@blueprint.alt_response(404, schema=Problem)
@blueprint.doc(**_SESSION)
def change_stall(given: dict[str, str], code: str) -> None:
    """What the stall says."""
    manage_stall.edit(services(), actor(), code, given)


@blueprint.put("/market/stalls/<code>/open")
@audience(Audience.MARKET)
@blueprint.arguments(shapes.OpenInput)
@blueprint.response(204)
@blueprint.alt_response(404, schema=Problem)
@blueprint.doc(**_SESSION)
def open_stall(given: dict[str, bool], code: str) -> None:
    """Open a stall, or close it: a closed one takes no orders."""
    manage_stall.set_open(services(), actor(), code, given["is_open"])


@blueprint.post("/market/stalls/<code>/codes")
@audience(Audience.MARKET)
@blueprint.arguments(shapes.ReissueInput)
@blueprint.response(201, shapes.NewPrinting)
@blueprint.alt_response(404, schema=Problem)
@blueprint.doc(**_SESSION)
def reissue(given: dict[str, str], code: str) -> Any:
    """A new code for a stall; from now on the old one says that it was replaced."""
    return {"serial": reissue_code.reissue(services(), actor(), code, given["reason"])}


@blueprint.post("/market/stalls/<code>/authorisations")
@audience(Audience.MARKET)
@blueprint.arguments(shapes.AuthorisationInput)
@blueprint.response(201, shapes.AddedId)
@blueprint.alt_response(409, schema=Problem)
@blueprint.doc(**_SESSION)
def authorise(given: dict[str, Any], code: str) -> Any:
    """Let a vendor sell at a stall, on some weekdays between two times; 409 where somebody else does.

    Needs a fresh proof.
    """
    weekdays = [str(day) for day in given.pop("weekdays")]
    added = authorise_seller.authorise(services(), actor(), code, weekdays=weekdays, **given)
    return {"id": added}


@blueprint.post("/market/authorisations/<int:authorisation_id>/end")
@audience(Audience.MARKET)
@blueprint.arguments(shapes.EndInput)
@blueprint.response(204)
@blueprint.alt_response(404, schema=Problem)
@blueprint.doc(**_SESSION)
def end_authorisation(given: dict[str, Any], authorisation_id: int) -> None:
    """Let an authorisation end after a day; one that has not begun is withdrawn."""
    authorise_seller.end(services(), actor(), authorisation_id, given["last_day"])


# Vendors


@blueprint.get("/market/vendors")
@audience(Audience.MARKET)
@blueprint.arguments(shapes.VendorsQuery, location="query")
@blueprint.response(200, shapes.VendorPage)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def vendors(wanted: dict[str, Any]) -> Any:
    """Vendors with their licences and this month's figures, sorted and filtered."""
    after, limit = read_cursor(wanted.pop("cursor"), parts=3), read_limit(wanted.pop("limit"))
    code = wanted.pop("market")
    found = market.vendors(services(), actor(), language(), code, after=after, limit=limit, **wanted)
    return Page(found.rows, write_cursor(found.next_key))


@blueprint.post("/market/vendors")
@audience(Audience.MARKET)
@blueprint.arguments(shapes.MarketQuery, location="query")
@blueprint.arguments(shapes.VendorInput)
@blueprint.response(201, shapes.AddedId)
@blueprint.alt_response(409, schema=Problem)
@blueprint.doc(**_SESSION)
def add_vendor(wanted: dict[str, Any], given: dict[str, Any]) -> Any:
    """A new vendor. The phone is connected by `POST /vendors/{vendor_id}/invitations`."""
    return {"id": manage_vendor.add(services(), actor(), shapes.given_vendor(given), wanted["market"])}


@blueprint.get("/market/vendors/<int:vendor_id>")
@audience(Audience.MARKET)
@blueprint.response(200, shapes.VendorDetail)
@blueprint.alt_response(404, schema=Problem)
@blueprint.doc(**_SESSION)
def vendor(vendor_id: int) -> Any:
    """One vendor. The look is recorded, and the vendor sees that it was."""
    manage_vendor.look(services(), actor(), vendor_id)
    return market.vendor(services(), actor(), language(), vendor_id)


@blueprint.put("/market/vendors/<int:vendor_id>")
@audience(Audience.MARKET)
@blueprint.arguments(shapes.VendorInput)
@blueprint.response(204)
@blueprint.alt_response(409, schema=Problem)
@blueprint.doc(**_SESSION)
def change_vendor(given: dict[str, Any], vendor_id: int) -> None:
    """A vendor's details. Invoices and sales keep what they were made with."""
    manage_vendor.edit(services(), actor(), vendor_id, shapes.given_vendor(given))


# Lists


@blueprint.post("/market/imports/<kind>")
@audience(Audience.MARKET)
@blueprint.arguments(shapes.ImportQuery, location="query")
@blueprint.response(200, shapes.Imported)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_LIST_FILE)
def bring_in(wanted: dict[str, Any], kind: str) -> Any:
    """A list of `vendors` or `goods`, XLSX or CSV, as multipart `file`: all of it, or nothing and why."""
    given = request.files.get("file")
    if given is None:
        raise NotASpreadsheet({"file": NotASpreadsheet.message})
    run = import_lists.try_out if wanted["dry_run"] else import_lists.bring_in
    outcome = run(services(), actor(), kind, given.read(), wanted["market"])
    problems = [
        {"row": one.row, "column": one.column, "message": told(one.message, dict(one.parameters))}
        for one in outcome.problems
    ]
    done = not (wanted["dry_run"] or problems)
    return {"outcome": outcome, "done": done, "rows": outcome.rows, "problems": problems}


@blueprint.get("/market/imports/<kind>.xlsx")
@audience(Audience.MARKET)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION, responses={"200": {"description": "the template", "content": {XLSX: {}}}})
def template(kind: str) -> Response:
    """An empty list with its columns and two examples."""
    return _file(import_lists.template(kind, language()), f"{kind}.xlsx", XLSX)


def _file(data: bytes, name: str, mimetype: str) -> Response:
    response = Response(data, mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
