"""What a vendor may invoice this month, on the phone: how much of it is used, and asking for more."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from invoice_service.domain.allowance import NoCeiling, typed_fen
from invoice_service.errors import Error
from invoice_service.flow import allow
from invoice_service.queries import allowances
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.identity import actor
from invoice_service.web.vendor import forms
from invoice_service.web.vendor.views import blueprint


@blueprint.get("/allowance")
@audience(Audience.VENDOR)
def allowance() -> str:
    return _page({}, {})


@blueprint.post("/allowance")
@audience(Audience.VENDOR)
def ask_for_more() -> AnyResponse | tuple[str, int]:
    form = request.form.to_dict()
    try:
        allow.ask(services(), actor(), typed_fen(form.get("asked_yuan", "")), form.get("words", ""))
    except NoCeiling:
        raise
    except Error as error:
        return _page(form, forms.errors_of(error, {"asked_fen": "asked_yuan"}, "asked")), error.status
    return redirect(url_for("vendor.allowance", _anchor="asked"), 303)


def _page(form: dict[str, str], errors: dict[str, str]) -> str:
    found = allowances.own(services(), actor())
    return render_template("vendor/allowance.html", view=found, form=form, errors=errors)
