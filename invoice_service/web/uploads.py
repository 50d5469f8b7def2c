"""How much a request may carry: little, but where an officer brings a pile."""

from __future__ import annotations

from flask import Flask, request

from invoice_service.documents.pile import ITEMS_MAX
from invoice_service.domain.policy import Role
from invoice_service.web.context import services
from invoice_service.web.identity import maybe_actor

_ROOMY = {"officer.begin_check", "api_supervision.begin_check"}


def register(app: Flask) -> None:
    """Before whatever reads a form, the guard against forged ones first of all."""
    app.before_request(_make_room)


def _make_room() -> None:
    if request.endpoint not in _ROOMY:
        return
    who = maybe_actor()
    if who is not None and who.role is Role.OFFICER:
        request.max_content_length = services().config.max_pile_bytes
        request.max_form_parts = ITEMS_MAX + 20
