"""Bringing lists in: upload, see what it would do and what is wrong by row, then bring it in.

Nothing of an upload is kept here: the page of the dry run carries the file, and the real run reads and checks
it again. So there is nothing that somebody else could open, and nothing to clean up.
"""

from __future__ import annotations

import base64
import binascii

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from invoice_service.documents.sheets import NotASpreadsheet, TooLarge
from invoice_service.errors import Error
from invoice_service.flow import import_lists as importing
from invoice_service.flow.import_lists import Outcome
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.errors import told
from invoice_service.web.identity import actor
from invoice_service.web.locale import language
from invoice_service.web.market.place import chosen, page_errors
from invoice_service.web.market.views import XLSX, blueprint, file

LARGEST = 700_000  # bytes: as base64 it still fits into a form
SHOWN = 200  # lines of what a file does; problems are all shown


@blueprint.get("/import")
@audience(Audience.MARKET)
def import_lists() -> str:
    return _page("vendors", {})


@blueprint.post("/import")
@audience(Audience.MARKET)
def import_try() -> str | tuple[str, int]:
    kind = request.form.get("kind", "")
    try:
        data = _uploaded()
        outcome = importing.try_out(services(), actor(), kind, data, chosen())
    except Error as error:
        if error.status != 422:
            raise
        return _page(kind, dict(page_errors(error))), error.status
    return _page(kind, {}, outcome, base64.b64encode(data).decode())


@blueprint.post("/import/run")
@audience(Audience.MARKET)
def import_run() -> AnyResponse | tuple[str, int]:
    kind = request.form.get("kind", "")
    try:
        data = base64.b64decode(request.form.get("file", ""), validate=True)
        outcome = importing.bring_in(services(), actor(), kind, data, chosen())
    except (binascii.Error, ValueError):
        return _page(kind, dict(page_errors(NotASpreadsheet()))), 422
    except Error as error:
        if error.status != 422:
            raise
        return _page(kind, dict(page_errors(error))), error.status
    if outcome.problems:  # something has changed since the dry run
        return _page(kind, {}, outcome, base64.b64encode(data).decode()), 422
    added, changed = outcome.count("added"), outcome.count("changed")
    flash(gettext("Brought in: %(added)s added, %(changed)s changed.", added=added, changed=changed))
    return redirect(url_for("market.vendors" if kind == "vendors" else "market.import_lists"), 303)


@blueprint.get("/import/<kind>.xlsx")
@audience(Audience.MARKET)
def import_template(kind: str) -> Response:
    return file(importing.template(kind, language()), f"{kind}.xlsx", XLSX)


def _uploaded() -> bytes:
    """Raises NotASpreadsheet, TooLarge."""
    given = request.files.get("file")
    if given is None or not given.filename:
        raise NotASpreadsheet
    data = given.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise TooLarge
    return data


def _page(kind: str, errors: dict[str, str], outcome: Outcome | None = None, data: str = "") -> str:
    problems = [
        (problem.row, problem.column, told(problem.message, dict(problem.parameters)))
        for problem in (outcome.problems if outcome else ())
    ]
    return render_template(
        "market/import.html",
        kind=kind,
        errors=errors,
        outcome=outcome,
        problems=problems,
        data=data,
        shown=SHOWN,
    )
