"""Who is asking: pages are asked by a cookie, the API by `Authorization: Bearer`, and never the other way.

A program's request carries no cookie, so that nobody's browser can be made to send it; a page's form carries
a CSRF token. Looked up once a request, and only where a route asks.
"""

from __future__ import annotations

from flask import Request, current_app, g, request
from werkzeug.wrappers import Response

from invoice_service.domain.policy import Actor
from invoice_service.errors import N_, Error
from invoice_service.flow import sessions
from invoice_service.queries import identity
from invoice_service.web.context import services

COOKIE = "stall-ledger-account"


class SignInFirst(Error):
    code = "session.sign_in_first"
    message = N_("Please sign in first.")
    status = 401


def actor() -> Actor:
    """Who is signed in. Raises SignInFirst."""
    found = maybe_actor()
    if found is None:
        raise SignInFirst
    return found


def maybe_actor() -> Actor | None:
    if "actor" not in g:
        token = session_token(request)
        g.actor = _look_up(token) if token else None
    found: Actor | None = g.actor
    return found


def _look_up(token: str) -> Actor | None:
    asking = identity.asking(services(), token)
    if asking is None:
        return None
    if asking.is_due:
        sessions.seen(services(), asking.actor)
    return asking.actor


def session_token(asked: Request) -> str | None:
    """The invoice doors of the API take a bearer token of another kind: they never ask who is signed in."""
    if not asked.path.startswith("/api/"):
        return asked.cookies.get(COOKIE)
    scheme, _, token = asked.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme == "Bearer" else None


def remember(response: Response, token: str, *, max_age_s: int) -> None:
    """Put a session's token into the browser."""
    keep(response, COOKIE, token, max_age_s=max_age_s)


def keep(response: Response, name: str, value: str, *, max_age_s: int) -> None:
    """A cookie out of reach of scripts and of other sites."""
    secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
    response.set_cookie(
        name, value, max_age=max_age_s, httponly=True, secure=secure, samesite="Lax", path="/"
    )


def forget(response: Response) -> None:
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="Lax")
