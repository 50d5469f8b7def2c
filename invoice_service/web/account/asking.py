"""What the account pages keep in the browser between a question and its answer, signed by us.

A passkey's challenge and an authenticator's new secret wait there for the form that answers them: a few
minutes, for one purpose, and once. Nothing here signs anybody in.
"""

from __future__ import annotations

import base64
import ipaddress
from urllib.parse import urlsplit

from flask import make_response, request, session
from werkzeug.wrappers import Response as AnyResponse

from invoice_service.domain import device
from invoice_service.flow import proof
from invoice_service.flow.passkeys import Answer, PasskeyRefused, Site, new_challenge
from invoice_service.flow.sessions import SignedIn, Visit
from invoice_service.web import identity
from invoice_service.web.context import services

CHALLENGE_LIFE_S = 300
DEVICE_COOKIE = "stall-ledger-device"
DEVICE_COOKIE_S = 365 * 86400
_CHALLENGE, _SECRET, _CSRF = "passkey", "totp", "csrf_token"


def site() -> Site | None:
    """For whom passkeys are made here: a name, never a number. None where there is none.

    A machine that the market reaches by its number still has `localhost` for whoever sits at it.
    """
    public = urlsplit(services().config.public_url)
    if public.hostname and not _is_number(public.hostname):
        return Site(public.hostname, f"{public.scheme}://{public.netloc}")
    if urlsplit(request.host_url).hostname == "localhost":
        return Site("localhost", request.host_url.rstrip("/"))
    return None


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def challenge(purpose: str) -> tuple[bytes, Site]:
    """A new one, which an answer for that purpose must sign. Raises PasskeyRefused."""
    where = site()
    if where is None:
        raise PasskeyRefused
    made = new_challenge(services())
    at = int(services().clock().timestamp())
    session[_CHALLENGE] = [purpose, base64.b64encode(made).decode(), at]
    return made, where


def answer(purpose: str) -> Answer:
    """The form's answer to the challenge, which is forgotten. Raises PasskeyRefused."""
    where = site()
    asked_for, made, at = session.pop(_CHALLENGE, None) or ("", "", 0)
    age_s = services().clock().timestamp() - at
    if where is None or asked_for != purpose or not -1 <= age_s <= CHALLENGE_LIFE_S:
        raise PasskeyRefused
    return Answer(request.form.get("credential", ""), base64.b64decode(made), where)


def new_secret() -> str:
    """The authenticator secret that this browser is being shown, the same until one is taken up."""
    if _SECRET not in session:
        session[_SECRET] = proof.new_totp_secret(services())
    found: str = session[_SECRET]
    return found


def forget_secret() -> None:
    session.pop(_SECRET, None)


def visit() -> Visit:
    """Where whoever asks comes from."""
    now = identity.maybe_actor()
    return Visit(
        device.words(request.headers.get("User-Agent", "")),
        request.remote_addr or "",
        request.cookies.get(DEVICE_COOKIE, ""),
        now.session_id if now else None,
    )


def let_in(signed_in: SignedIn, page: str | AnyResponse) -> AnyResponse:
    """Put the new session into the browser; what was there of an earlier one is no longer good."""
    response = make_response(page)
    identity.remember(response, signed_in.token, max_age_s=signed_in.lasts_s)
    identity.keep(response, DEVICE_COOKIE, signed_in.notes, max_age_s=DEVICE_COOKIE_S)
    return response


def start_anew() -> None:
    """Forms of before who somebody was do not work for who they are now."""
    session.pop(_CSRF, None)
    forget_secret()
