"""What views reach through Flask: the services and the live pages of this process."""

from __future__ import annotations

from flask import current_app
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from invoice_service.services import Services
from invoice_service.web.live import Live

# Only guesses are counted (number look-ups, uploads): a whole market sits behind one address.
limiter = Limiter(get_remote_address, storage_uri="memory://")


def services() -> Services:
    found: Services = current_app.extensions["services"]
    return found


def live() -> Live:
    found: Live = current_app.extensions["live"]
    return found
