"""The access record 查阅记录 as its readers see it on any screen: who looked, when, and why."""

from __future__ import annotations

from itertools import groupby

from flask import Blueprint, render_template, request

from invoice_service.domain.numbering import business_day
from invoice_service.domain.policy import Role
from invoice_service.queries import access
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.identity import actor
from invoice_service.web.paging import read_number_cursor, write_cursor

blueprint = Blueprint("records", __name__, url_prefix="/account")
PAGE = 30


@blueprint.get("/records")
@audience(Audience.SIGNED_IN)
def records() -> str:
    """Others' doings first: one's own are no news, except to officers, who have only those."""
    me = actor()
    whose = request.args.get("whose") or ("all" if me.role is Role.OFFICER else "others")
    cursor = request.args.get("cursor")
    found, last = access.records(services(), me, whose=whose, after=read_number_cursor(cursor), limit=PAGE)
    days = [(day, list(group)) for day, group in groupby(found, key=lambda each: business_day(each.at))]
    return render_template(
        "account/records.html",
        me=me,
        days=days,
        whose=whose,
        next_cursor=write_cursor(None if last is None else [str(last)]),
        is_first=not cursor,
    )
