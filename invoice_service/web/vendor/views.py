"""TODO(lead): views of vendor."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("vendor", __name__, url_prefix="/vendor")
