"""Exports on the tax desk: begin one from a market's page, watch it, fetch its file, throw it away."""

from __future__ import annotations

from uuid import UUID

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from invoice_service.domain.details import read_day
from invoice_service.domain.sales_asked import SalesAsked, TooManyExports
from invoice_service.flow import export_sales
from invoice_service.queries import exports
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.errors import told
from invoice_service.web.files import gzipped_csv
from invoice_service.web.identity import actor
from invoice_service.web.locale import language
from invoice_service.web.officer.views import blueprint


@blueprint.post("/markets/<code>/exports")
@audience(Audience.OFFICER)
def begin_export(code: str) -> AnyResponse | tuple[str, int]:
    form = request.form
    first_day, last_day = (read_day(form.get(name, ""), name) for name in ("first_day", "last_day"))
    asked = SalesAsked(first_day, last_day, form.get("invoiced", "all"))
    try:
        export_sales.begin(services(), actor(), language(), code, asked)
    except TooManyExports as error:
        flash(told(error.message, error.parameters), "bad")
    else:
        flash(gettext("Begun. It goes on while you do something else."))
    return redirect(url_for("officer.own_exports"), 303)


@blueprint.get("/exports")
@audience(Audience.OFFICER)
def own_exports() -> str:
    return render_template("officer/exports.html", rows=exports.own(services(), actor(), language()))


@blueprint.get("/exports/part")
@audience(Audience.OFFICER)
def exports_part() -> str:
    return render_template("officer/_exports.html", rows=exports.own(services(), actor(), language()))


@blueprint.get("/exports/<uuid:export_id>.csv.gz")
@audience(Audience.OFFICER)
def export_file(export_id: UUID) -> Response:
    return gzipped_csv(*export_sales.take_out(services(), actor(), export_id))


@blueprint.post("/exports/<uuid:export_id>/delete")
@audience(Audience.OFFICER)
def delete_export(export_id: UUID) -> AnyResponse:
    export_sales.throw_away(services(), actor(), export_id)
    flash(gettext("Thrown away."))
    return redirect(url_for("officer.own_exports"), 303)
