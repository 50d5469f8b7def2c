"""The market desk: what happens now, turnover, posters, the market itself, and the wall page.

Stalls, vendors, imports and people have modules of their own, which put their doors on the same blueprint.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from invoice_service.domain.details import ChooseMarket, read_day
from invoice_service.domain.numbering import business_day
from invoice_service.domain.period import check_day
from invoice_service.errors import Error
from invoice_service.flow import export_turnover, manage_market
from invoice_service.queries import market
from invoice_service.queries.market_views import Turnover
from invoice_service.web import charts
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import live, services
from invoice_service.web.identity import actor, maybe_actor
from invoice_service.web.locale import language
from invoice_service.web.market import place
from invoice_service.web.market.place import chosen, here, my_markets, page_errors

blueprint = Blueprint("market", __name__, url_prefix="/market")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
WEEK = timedelta(days=6)


@blueprint.context_processor
def _frame() -> dict[str, Any]:
    return {"signed_in": maybe_actor, "my_markets": my_markets, "here": here}


@blueprint.errorhandler(ChooseMarket)
def choose_first(_error: ChooseMarket) -> str:
    """An administrator who has chosen no market yet."""
    return render_template("market/choose.html", form={}, errors={})


# Now.


@blueprint.get("")
@audience(Audience.MARKET)
def overview() -> str:
    return render_template("market/overview.html", **_overview())


@blueprint.get("/part")
@audience(Audience.MARKET)
def overview_part() -> str:
    return render_template("market/_overview.html", **_overview())


@blueprint.get("/live")
@audience(Audience.MARKET)
def live_market() -> Response:
    """For the overview and the wall: another sale, another invoice, another head on chain."""
    topic = str(market.market(services(), actor(), language(), chosen()).id)
    return live().stream("market", topic, market.marks(services(), [topic])[topic], gap_s=2.0)


def _overview() -> dict[str, Any]:
    found = market.overview(services(), actor(), language(), chosen())
    return {"seen": found, "chart": charts.hours(found.hours)}


@blueprint.get("/wall")
@audience(Audience.MARKET)
def wall() -> str:
    return render_template("market/wall.html", wall=market.wall(services(), actor(), language(), chosen()))


@blueprint.get("/wall/part")
@audience(Audience.MARKET)
def wall_part() -> str:
    return render_template("market/_wall.html", wall=market.wall(services(), actor(), language(), chosen()))


# Turnover.


@blueprint.get("/turnover")
@audience(Audience.MARKET)
def turnover() -> str | tuple[str, int]:
    try:
        found = _turnover()
    except Error as error:
        if not error.fields:
            raise
        page = render_template(
            "market/turnover.html", turnover=None, form=request.args, errors=page_errors(error)
        )
        return page, error.status
    chart = charts.turnover(found.by, found.rows)
    return render_template("market/turnover.html", turnover=found, chart=chart, form={}, errors={})


@blueprint.get("/turnover.xlsx")
@audience(Audience.MARKET)
def turnover_workbook() -> Response:
    first_day, last_day, by = _asked()
    name, data = export_turnover.export(
        services(), actor(), language(), first_day, last_day, by, market_code=chosen()
    )
    return file(data, name, XLSX)


def _turnover() -> Turnover:
    first_day, last_day, by = _asked()
    return market.turnover(services(), actor(), language(), first_day, last_day, by, chosen())


def _asked() -> tuple[date, date, str]:
    """The last seven days where none are given. Raises BadDay, DayOutOfRange."""
    today = business_day(services().clock())
    given = request.args.get("last_day", "")
    last_day = check_day(read_day(given, "last_day"), "last_day") if given else today
    given = request.args.get("first_day", "")
    first_day = read_day(given, "first_day") if given else last_day - WEEK
    return first_day, last_day, request.args.get("by", "stall")


# Posters.


@blueprint.get("/posters")
@audience(Audience.MARKET)
def posters() -> str:
    found = market.stalls(services(), actor(), language(), chosen())
    return render_template("market/posters.html", stalls=found, sizes=market.POSTER_SIZES)


@blueprint.get("/posters.pdf")
@audience(Audience.MARKET)
def posters_pdf() -> Response:
    codes = request.args.getlist("code") or None
    size = request.args.get("size", "A5")
    data = market.posters(services(), actor(), codes, size=size, market_code=chosen())
    return file(data, f"posters-{size}.pdf", "application/pdf")


# The market itself.


@blueprint.get("/details")
@audience(Audience.MARKET)
def details() -> str:
    found = market.market(services(), actor(), language(), chosen())
    form = {name: getattr(found, name) for name in ("name_zh", "name_en", "region", "address")}
    return render_template("market/details.html", market=found, form=form, errors={})


@blueprint.post("/details")
@audience(Audience.MARKET)
def change_details() -> AnyResponse | tuple[str, int]:
    form = request.form.to_dict()
    try:
        manage_market.edit(services(), actor(), form, chosen())
    except Error as error:
        if not error.fields:
            raise
        found = market.market(services(), actor(), language(), chosen())
        page = render_template("market/details.html", market=found, form=form, errors=page_errors(error))
        return page, error.status
    flash(gettext("Saved."))
    return redirect(url_for("market.details"), 303)


@blueprint.post("/choose")
@audience(Audience.MARKET)
def choose() -> AnyResponse:
    place.choose(request.form.get("code", ""))
    return redirect(url_for("market.overview"), 303)


@blueprint.get("/new")
@audience(Audience.ADMIN)
def new_market() -> str:
    return render_template("market/choose.html", form={}, errors={})


@blueprint.post("/new")
@audience(Audience.ADMIN)
def add_market() -> AnyResponse | tuple[str, int]:
    form = request.form.to_dict()
    try:
        place.choose(manage_market.add(services(), actor(), form))
    except Error as error:
        if not error.fields:
            raise
        return render_template("market/choose.html", form=form, errors=page_errors(error)), error.status
    flash(gettext("Added."))
    return redirect(url_for("market.overview"), 303)


def file(data: bytes, name: str, mimetype: str) -> Response:
    response = Response(data, mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
