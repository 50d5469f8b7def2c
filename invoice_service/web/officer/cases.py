"""Findings and cases: what the rules found in the officer's region, one case, and the rules themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from invoice_service.domain.case import BadCase
from invoice_service.flow import export_finding, handle_case
from invoice_service.queries import supervised_cases
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.errors import told_fields
from invoice_service.web.identity import actor
from invoice_service.web.locale import language
from invoice_service.web.officer.views import blueprint
from invoice_service.web.paging import read_limit, read_number_cursor, write_cursor


@blueprint.get("/cases")
@audience(Audience.OFFICER)
def cases() -> str:
    asked = {"state": request.args.get("state", "open"), "rule": request.args.get("rule", "all")}
    after, limit = read_number_cursor(request.args.get("cursor")), read_limit(request.args.get("limit"))
    found = supervised_cases.listed(services(), actor(), language(), after=after, limit=limit, **asked)
    cursor = write_cursor(None if found.next_key is None else [str(found.next_key)])
    rules = supervised_cases.rules(services(), actor(), language())
    return render_template("officer/cases.html", found=found, asked=asked, cursor=cursor, rules=rules)


@blueprint.get("/rules")
@audience(Audience.OFFICER)
def rules() -> str:
    return render_template(
        "officer/rules.html", rules=supervised_cases.rules(services(), actor(), language())
    )


@blueprint.get("/cases/<int:case_id>")
@audience(Audience.OFFICER)
def case(case_id: int) -> str:
    handle_case.look(services(), actor(), case_id)
    return _case_page(case_id, {}, {})


@blueprint.post("/cases/<int:case_id>/assign")
@audience(Audience.OFFICER)
def assign_case(case_id: int) -> AnyResponse | tuple[str, int]:
    given = request.form.get("assigned_to", "")
    return _done(
        case_id, lambda: handle_case.assign(services(), actor(), case_id, _whom(given)), gettext("Assigned.")
    )


@blueprint.post("/cases/<int:case_id>/notes")
@audience(Audience.OFFICER)
def note_case(case_id: int) -> AnyResponse | tuple[str, int]:
    words = request.form.get("words", "")
    return _done(
        case_id, lambda: handle_case.add_note(services(), actor(), case_id, words), gettext("Noted.")
    )


@blueprint.post("/cases/<int:case_id>/decision")
@audience(Audience.OFFICER)
def decide_case(case_id: int) -> AnyResponse | tuple[str, int]:
    form = request.form
    outcome, words = form.get("outcome", ""), form.get("words", "")
    return _done(
        case_id,
        lambda: handle_case.decide(services(), actor(), case_id, outcome, words),
        gettext("The case is closed."),
    )


@blueprint.post("/cases/<int:case_id>/reopening")
@audience(Audience.OFFICER)
def reopen_case(case_id: int) -> AnyResponse | tuple[str, int]:
    words = request.form.get("words", "")
    return _done(
        case_id, lambda: handle_case.reopen(services(), actor(), case_id, words), gettext("Reopened.")
    )


@blueprint.get("/cases/<int:case_id>.zip")
@audience(Audience.OFFICER)
def case_bundle(case_id: int) -> Response:
    file = export_finding.export(services(), actor(), case_id)
    return send_file(file, "application/zip", as_attachment=True, download_name=f"case-{case_id}.zip")


def _whom(text: str) -> int | None:
    """Nobody chosen is oneself; what is no number is nobody's."""
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _done(case_id: int, step: Callable[[], None], said: str) -> AnyResponse | tuple[str, int]:
    try:
        step()
    except BadCase as error:
        return _case_page(case_id, request.form, told_fields(error)), error.status
    flash(said)
    return redirect(url_for("officer.case", case_id=case_id), 303)


def _case_page(case_id: int, form: Any, errors: Any) -> str:
    found = supervised_cases.one(services(), actor(), language(), case_id)
    others = [(one.account_id, one.name) for one in found.colleagues if one.account_id != actor().account_id]
    return render_template("officer/case.html", case=found, others=others, form=form, errors=errors)
