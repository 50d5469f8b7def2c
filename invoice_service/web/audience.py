"""Every route says whom it is for; a route that says nothing stops the application from starting.

Deny, then allow: what the audience of a route may not do is refused before its view runs. Over plain
HTTP from another machine only what shoppers and the public need is served, since browsers give the
rest (cameras, passkeys, WebCrypto) to secure contexts only.
"""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from flask import Flask, current_app, request

from invoice_service.domain.policy import Role
from invoice_service.errors import N_, Error
from invoice_service.web.identity import actor

View = TypeVar("View", bound=Callable[..., Any])


class Audience(enum.Enum):
    PUBLIC = "public"  # anyone, about nobody
    HOLDER = "holder"  # whoever holds the order's or invoice's token
    SHOPPER = "shopper"  # anyone with a phone in front of a stall
    PROVIDER = "provider"  # payment providers, known by their signature
    OPERATIONS = "operations"  # this machine only
    SIGN_IN = "sign_in"  # whoever wants to sign in
    SIGNED_IN = "signed_in"  # any account; what it may see is the policy's to say
    VENDOR = "vendor"
    MARKET = "market"  # market operators, and administrators
    OFFICER = "officer"
    OFFICE = "office"  # market operators, administrators and tax officers
    ADMIN = "admin"


ROLES: Mapping[Audience, frozenset[Role]] = {
    Audience.SIGNED_IN: frozenset(Role),
    Audience.VENDOR: frozenset({Role.VENDOR}),
    Audience.MARKET: frozenset({Role.OPERATOR, Role.ADMIN}),
    Audience.OFFICER: frozenset({Role.OFFICER}),
    Audience.OFFICE: frozenset({Role.OPERATOR, Role.ADMIN, Role.OFFICER}),
    Audience.ADMIN: frozenset({Role.ADMIN}),
}
_OPEN_OVER_PLAIN_HTTP = {Audience.PUBLIC, Audience.HOLDER, Audience.SHOPPER, Audience.PROVIDER}


class NotForYou(Error):
    code = "audience.refused"
    message = N_("This page is not open to you from here.")
    status = 403


def audience(who: Audience) -> Callable[[View], View]:
    """Declare a view's audience."""

    def declare(view: View) -> View:
        view.audience = who  # type: ignore[attr-defined]
        return view

    return declare


def require_audiences(app: Flask) -> None:
    """Refuse to start with an undeclared route, and check the declared ones before each request."""
    for rule in app.url_map.iter_rules():
        if not isinstance(_of(app, rule.endpoint), Audience):
            raise RuntimeError(f"{rule.rule} does not declare its audience")
    app.before_request(_check)
    app.jinja_env.globals["desks_answer"] = desks_answer


def is_loopback(address: str | None) -> bool:
    return address is not None and ipaddress.ip_address(address).is_loopback


def desks_answer() -> bool:
    """Whether whoever asks could sign in from where they are: on this machine, or over HTTPS."""
    return is_loopback(request.remote_addr) or request.is_secure


def _check() -> None:
    if request.endpoint is None:
        return
    who = _of(current_app, request.endpoint)
    if who is Audience.OPERATIONS and not is_loopback(request.remote_addr):
        raise NotForYou
    if who not in _OPEN_OVER_PLAIN_HTTP and not desks_answer():
        raise NotForYou
    if who is not None and who in ROLES and actor().role not in ROLES[who]:
        raise NotForYou


def _of(app: Flask, endpoint: str) -> Audience | None:
    return getattr(app.view_functions[endpoint], "audience", None)
