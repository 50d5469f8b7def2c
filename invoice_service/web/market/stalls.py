"""Stalls on the desk: the list, one stall, who sells there when, and its code."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from invoice_service.domain.details import read_day
from invoice_service.domain.numbering import business_day
from invoice_service.errors import Error
from invoice_service.flow import authorise_seller, manage_stall, reissue_code
from invoice_service.queries import market
from invoice_service.web import charts
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.identity import actor
from invoice_service.web.locale import language
from invoice_service.web.market import week
from invoice_service.web.market.place import chosen, number, page_errors
from invoice_service.web.market.views import blueprint

TEXTS = ("name_zh", "name_en", "kind_zh", "kind_en", "place_zh", "place_en")


@blueprint.get("/stalls")
@audience(Audience.MARKET)
def stalls() -> str:
    listing = {
        "sort": request.args.get("sort", "code"),
        "descending": request.args.get("order") == "desc",
        "state": request.args.get("state", "all"),
        "search": request.args.get("q", ""),
    }
    found = market.stalls(services(), actor(), language(), chosen(), **listing)  # type: ignore[arg-type]
    return render_template("market/stalls.html", stalls=found, listing=listing, states=market.STALL_STATES)


@blueprint.get("/stalls/new")
@audience(Audience.MARKET)
def stall_new() -> str:
    return render_template("market/stall_new.html", form={}, errors={})


@blueprint.post("/stalls/new")
@audience(Audience.MARKET)
def stall_add() -> AnyResponse | tuple[str, int]:
    form = request.form.to_dict()
    try:
        code = manage_stall.add(services(), actor(), form, chosen())
    except Error as error:
        if not error.fields:
            raise
        return render_template("market/stall_new.html", form=form, errors=page_errors(error)), error.status
    flash(gettext("Added. Now say who sells here."))
    return redirect(url_for("market.stall", code=code), 303)


@blueprint.get("/stalls/<code>")
@audience(Audience.MARKET)
def stall(code: str) -> str:
    return _stall_page(code, {}, {})


@blueprint.post("/stalls/<code>")
@audience(Audience.MARKET)
def stall_edit(code: str) -> AnyResponse | tuple[str, int]:
    return _changed(code, "edit", lambda form: manage_stall.edit(services(), actor(), code, form))


@blueprint.post("/stalls/<code>/open")
@audience(Audience.MARKET)
def stall_open(code: str) -> AnyResponse:
    manage_stall.set_open(services(), actor(), code, request.form.get("is_open") == "1")
    return redirect(url_for("market.stall", code=code), 303)


@blueprint.post("/stalls/<code>/authorise")
@audience(Audience.MARKET)
def stall_authorise(code: str) -> AnyResponse | tuple[str, int]:
    def authorise(form: dict[str, str]) -> None:
        authorise_seller.authorise(
            services(),
            actor(),
            code,
            number(form.get("vendor_id")),
            first_day=form.get("first_day", ""),
            last_day=form.get("last_day", ""),
            weekdays=request.form.getlist("weekdays"),
            begins=form.get("begins", ""),
            ends=form.get("ends", ""),
        )

    return _changed(code, "authorise", authorise)


@blueprint.post("/stalls/<code>/authorisations/<int:authorisation_id>/end")
@audience(Audience.MARKET)
def stall_end(code: str, authorisation_id: int) -> AnyResponse | tuple[str, int]:
    def end(form: dict[str, str]) -> None:
        last_day = read_day(form.get("ends_on", ""), "ends_on")
        authorise_seller.end(services(), actor(), authorisation_id, last_day)

    return _changed(code, "end", end)


@blueprint.post("/stalls/<code>/reissue")
@audience(Audience.MARKET)
def stall_reissue(code: str) -> AnyResponse | tuple[str, int]:
    def reissue(form: dict[str, str]) -> None:
        reissue_code.reissue(services(), actor(), code, form.get("reason", ""))

    return _changed(code, "reissue", reissue)


def _changed(code: str, which: str, change: Any) -> AnyResponse | tuple[str, int]:
    """Do it and come back; or show the page again with what was typed and what is wrong with it."""
    form = request.form.to_dict() | {"which": which}
    try:
        change(form)
    except Error as error:
        if not error.fields:
            raise
        return _stall_page(code, form, dict(page_errors(error))), error.status
    flash(gettext("Saved."))
    return redirect(url_for("market.stall", code=code), 303)


def _stall_page(code: str, form: dict[str, str], errors: dict[str, str]) -> str:
    manage_stall.look(services(), actor(), code)  # a form that comes back shows the figures, too
    found = market.stall(services(), actor(), language(), code)
    today = business_day(services().clock())
    vendors = market.vendors(services(), actor(), language(), found.market.code)
    return render_template(
        "market/stall.html",
        stall=found,
        week=week.drawing(found.authorisations, today),
        weekday_names=week.weekdays(),
        hours_words=week.hours_words,
        vendors=[(vendor.id, vendor.name) for vendor in vendors.rows],
        chart=charts.days(found.week),
        today=today,
        texts=form if form.get("which") == "edit" else {name: getattr(found, name) for name in TEXTS},
        form=form,
        weekdays=request.form.getlist("weekdays"),
        errors=errors,
        sizes=market.POSTER_SIZES,
    )
