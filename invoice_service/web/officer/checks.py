"""Checking what an officer was handed: files, an archive, a list or numbers; one plain verdict each.

The page that shows a check takes it a step further as long as it is open.
"""

from __future__ import annotations

from typing import Any

from flask import Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from invoice_service.errors import Error
from invoice_service.flow import check_pile
from invoice_service.queries import checks
from invoice_service.web import checking
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.errors import told, told_fields
from invoice_service.web.identity import actor
from invoice_service.web.officer.views import blueprint

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@blueprint.context_processor
def _words() -> dict[str, Any]:
    return {
        "sentence_of": checking.sentence,
        "verdict_words": checking.verdict_words,
        "verdict_tone": checking.tone,
        "verdicts": checking.VERDICTS,
    }


@blueprint.get("/verify")
@audience(Audience.OFFICER)
def verify() -> str:
    return _verify_page({}, {})


@blueprint.post("/verify")
@audience(Audience.OFFICER)
def begin_check() -> AnyResponse | tuple[str, int]:
    form = request.form
    try:
        check_id = check_pile.begin(
            services(), actor(), checking.brought(), form.get("numbers", ""), form.get("reason", "")
        )
    except Error as error:
        fields = told_fields(error) or {"files": told(error.message, error.parameters)}
        return _verify_page(form, fields), error.status
    return redirect(url_for("officer.check_result", check_id=check_id), 303)


@blueprint.get("/checks/<int:check_id>")
@audience(Audience.OFFICER)
def check_result(check_id: int) -> str:
    found = checks.one(services(), actor(), check_id)
    return render_template("officer/check_result.html", check=found)


@blueprint.post("/checks/<int:check_id>/step")
@audience(Audience.OFFICER)
def check_step(check_id: int) -> AnyResponse | str:
    check_pile.step(services(), actor(), check_id)
    if "HX-Request" not in request.headers:
        return redirect(url_for("officer.check_result", check_id=check_id), 303)
    return render_template("officer/_check_result.html", check=checks.one(services(), actor(), check_id))


@blueprint.get("/checks/<int:check_id>.xlsx")
@audience(Audience.OFFICER)
def check_workbook(check_id: int) -> Response:
    check_pile.take_out(services(), actor(), check_id)
    return _file(checking.as_workbook(checks.one(services(), actor(), check_id)), check_id, "xlsx", XLSX)


@blueprint.get("/checks/<int:check_id>.pdf")
@audience(Audience.OFFICER)
def check_pdf(check_id: int) -> Response:
    check_pile.take_out(services(), actor(), check_id)
    found = checks.one(services(), actor(), check_id)
    data = checking.as_record(found, actor(), services().clock())
    return _file(data, check_id, "pdf", "application/pdf")


def _verify_page(form: Any, errors: Any) -> str:
    latest = checks.latest(services(), actor())
    return render_template("officer/verify.html", form=form, errors=errors, latest=latest)


def _file(data: bytes, check_id: int, kind: str, mimetype: str) -> Response:
    response = Response(data, mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="check-{check_id}.{kind}"'
    return response
