"""TODO(lead): API of people."""

from __future__ import annotations

from flask_smorest import Blueprint

from invoice_service.web.api.reading import JsonParser

blueprint = Blueprint("api_people", __name__, url_prefix="/api/v1")
blueprint.ARGUMENTS_PARSER = JsonParser()
