"""The demo's mail: what would have gone out, for who runs the demo on this machine. Absent elsewhere."""

from __future__ import annotations

from flask import Blueprint, render_template

from invoice_service.queries import mails
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services

blueprint = Blueprint("mails", __name__)


@blueprint.get("/mail")
@audience(Audience.OPERATIONS)
def listed() -> str:
    return render_template("mails.html", mails=mails.listed(services()))


@blueprint.get("/mail/<name>")
@audience(Audience.OPERATIONS)
def shown(name: str) -> str:
    return render_template("mail.html", mail=mails.one(services(), name))
