"""The providers' door: hand a notice to the flow, raw and whole, and answer what the flow made of it."""

from __future__ import annotations

from flask import Blueprint, Response, request

from invoice_service.flow import pay
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services

blueprint = Blueprint("notify", __name__)
sandbox = Blueprint("sandbox", __name__)
MAX_NOTICE_BYTES = 65_536  # every notice is kept, forged ones too: nobody may fill the disk with them


@blueprint.post("/payments/<provider>/notify")
@audience(Audience.PROVIDER)
def notify(provider: str) -> Response:
    """204 once the notice is kept and acted upon; a refusal tells the provider to look at its side."""
    request.max_content_length = MAX_NOTICE_BYTES
    pay.notified(services(), provider, dict(request.headers), request.get_data())
    return Response(status=204)


@sandbox.post("/sandbox/orders/<token>/pay")
@audience(Audience.HOLDER)
def pay_in_sandbox(token: str) -> Response:
    """For tests and demos: the pretend cashier takes the money, and notifies like a real one."""
    pay.pay_in_sandbox(services(), token)
    return Response(status=202)
