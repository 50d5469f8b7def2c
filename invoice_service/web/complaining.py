"""What the market's desk and the tax desk share about complaints: their lists, and answering."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import request

from invoice_service.queries import complaints
from invoice_service.web.context import services
from invoice_service.web.identity import actor
from invoice_service.web.locale import language
from invoice_service.web.paging import read_id_cursor, read_limit, write_cursor


def list_context(market_code: str | None = None) -> dict[str, Any]:
    """Those that wait, where nothing else is asked for. Raises BadListing, BadCursor, BadLimit."""
    state = request.args.get("state", "waiting")
    after, limit = read_id_cursor(request.args.get("cursor")), read_limit(request.args.get("limit"))
    found = complaints.listed(
        services(), actor(), language(), state=state, after=after, limit=limit, market_code=market_code
    )
    cursor = write_cursor(None if found.next_key is None else [str(found.next_key)])
    return {"found": found, "state": state, "cursor": cursor}


def context(complaint_id: UUID, form: Mapping[str, str], errors: Mapping[str, str]) -> dict[str, Any]:
    found = complaints.one(services(), actor(), language(), complaint_id)
    return {"complaint": found, "form": form, "errors": errors}
