"""Who runs this market's desk: accounts, invitations, and where they are signed in."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from invoice_service.domain.policy import Role
from invoice_service.errors import Error
from invoice_service.flow import invite, manage_people
from invoice_service.flow.invite import Invited
from invoice_service.queries import market, people
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.identity import actor
from invoice_service.web.locale import language
from invoice_service.web.market.place import chosen, page_errors
from invoice_service.web.market.views import blueprint

MOST = 100


@blueprint.get("/people", endpoint="people")
@audience(Audience.MARKET)
def people_page() -> str:
    return _page({}, {}, None)


@blueprint.post("/people")
@audience(Audience.MARKET)
def people_invite() -> str | tuple[str, int]:
    form = request.form.to_dict()
    try:
        here = market.market(services(), actor(), language(), chosen())
        invited = invite.invite_desk(
            services(),
            actor(),
            Role.OPERATOR,
            form.get("name", ""),
            form.get("login", ""),
            market_id=here.id,
        )
    except Error as error:
        if not error.fields and error.status != 409:
            raise
        return _page(form, dict(page_errors(error)), None), error.status
    return _page({}, {}, invited)


@blueprint.post("/people/<int:account_id>/invite")
@audience(Audience.MARKET)
def people_invite_again(account_id: int) -> str:
    return _page({}, {}, invite.invite_again(services(), actor(), account_id))


@blueprint.post("/people/<int:account_id>/close")
@audience(Audience.MARKET)
def people_close(account_id: int) -> AnyResponse:
    manage_people.close(services(), actor(), account_id)
    flash(gettext("Closed. Every session of that account has ended."))
    return redirect(url_for("market.people"), 303)


def _page(form: dict[str, str], errors: dict[str, str], invited: Invited | None) -> str:
    here = market.market(services(), actor(), language(), chosen())
    found, _ = people.accounts(services(), actor(), role=Role.OPERATOR, limit=MOST)
    operators = [account for account in found if account.market_id == here.id]
    return render_template(
        "market/people.html", operators=operators, me=actor(), form=form, errors=errors, invited=invited
    )
