"""Who is signed in, accounts and their invitations, and the access record.

Passwords sign in with a second factor, always. What needs a fresh proof answers 403 `session.confirm_first`
ten minutes after signing in: a program signs in again.
"""

from __future__ import annotations

from typing import Any

from flask import request
from flask_smorest import Blueprint

from invoice_service.domain import device
from invoice_service.domain.policy import Actor, Role
from invoice_service.flow import invite, manage_people
from invoice_service.flow import sessions as own_sessions
from invoice_service.flow import sign_in as signing_in
from invoice_service.flow.sessions import Visit
from invoice_service.queries import access, people
from invoice_service.web.api import people_schemas as shapes
from invoice_service.web.api.reading import JsonParser
from invoice_service.web.api.schemas import Problem
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.identity import actor
from invoice_service.web.paging import Page, read_limit, read_number_cursor, write_cursor

blueprint = Blueprint(
    "api_people", __name__, url_prefix="/api/v1", description="Accounts, sessions and the access record"
)
blueprint.ARGUMENTS_PARSER = JsonParser()
_SESSION: dict[str, Any] = {"security": [{"sessionToken": []}]}


@blueprint.post("/session")
@audience(Audience.SIGN_IN)
@blueprint.arguments(shapes.SignInInput)
@blueprint.response(201, shapes.Session)
@blueprint.alt_response(422, schema=Problem)
@blueprint.alt_response(429, schema=Problem)
def begin_session(given: dict[str, Any]) -> Any:
    """Sign in with a password and a second factor."""
    visit = Visit(device.words(request.headers.get("User-Agent", "")), request.remote_addr or "")
    return signing_in.with_password(services(), given["login"], given["password"], given["totp"], visit)


@blueprint.get("/session")
@audience(Audience.SIGNED_IN)
@blueprint.response(200, shapes.Who)
@blueprint.doc(**_SESSION)
def get_session() -> Actor:
    """Who is signed in."""
    return actor()


@blueprint.delete("/session")
@audience(Audience.SIGNED_IN)
@blueprint.response(204)
@blueprint.doc(**_SESSION)
def end_session() -> None:
    """Sign out."""
    own_sessions.end(services(), actor(), actor().session_id)


@blueprint.get("/accounts")
@audience(Audience.MARKET)
@blueprint.arguments(shapes.AccountsQuery, location="query")
@blueprint.response(200, shapes.Accounts)
@blueprint.doc(**_SESSION)
def list_accounts(wanted: dict[str, Any]) -> Any:
    """The accounts of one's market; an administrator's are all."""
    after, limit = _page(wanted)
    return _pages(people.accounts(services(), actor(), after=after, limit=limit, **wanted))


@blueprint.post("/accounts")
@audience(Audience.MARKET)
@blueprint.arguments(shapes.InviteInput)
@blueprint.response(201, shapes.Invited)
@blueprint.alt_response(409, schema=Problem)
@blueprint.doc(**_SESSION)
def invite_account(given: dict[str, Any]) -> Any:
    """An operator's, officer's or administrator's new account: the link sets it up. Needs a fresh proof."""
    me, role = actor(), _role(given.pop("role"))
    own = me.role is Role.OPERATOR and given["market_id"] is None
    market_id = me.market_id if own else given["market_id"]
    return invite.invite_desk(
        services(), me, role, given["name"], given["login"], market_id=market_id, region=given["region"]
    )


@blueprint.post("/accounts/<int:account_id>/invitations")
@audience(Audience.MARKET)
@blueprint.response(201, shapes.Invited)
@blueprint.doc(**_SESSION)
def invite_again(account_id: int) -> Any:
    """Another link, for who lost the first or can no longer sign in. Needs a fresh proof."""
    return invite.invite_again(services(), actor(), account_id)


@blueprint.delete("/accounts/<int:account_id>/invitations")
@audience(Audience.MARKET)
@blueprint.response(204)
@blueprint.doc(**_SESSION)
def revoke_invitations(account_id: int) -> None:
    """Take back every invitation that was not used."""
    invite.revoke(services(), actor(), account_id)


@blueprint.post("/vendors/<int:vendor_id>/invitations")
@audience(Audience.MARKET)
@blueprint.arguments(shapes.PhoneInviteInput)
@blueprint.response(201, shapes.Invited)
@blueprint.doc(**_SESSION)
def invite_vendor(given: dict[str, Any], vendor_id: int) -> Any:
    """A link that connects a vendor's phone, for ten minutes: to be shown as a QR code."""
    return invite.invite_phone(services(), actor(), vendor_id, forget_pin=given["forget_pin"])


@blueprint.delete("/accounts/<int:account_id>")
@audience(Audience.MARKET)
@blueprint.response(204)
@blueprint.alt_response(409, schema=Problem)
@blueprint.doc(**_SESSION)
def close_account(account_id: int) -> None:
    """Close an account: its sessions end at once, its records stay. Needs a fresh proof."""
    manage_people.close(services(), actor(), account_id)


@blueprint.get("/accounts/<int:account_id>/sessions")
@audience(Audience.MARKET)
@blueprint.response(200, shapes.LiveSessions)
@blueprint.doc(**_SESSION)
def list_sessions(account_id: int) -> Any:
    """Where somebody is signed in."""
    return {"items": people.sessions(services(), actor(), account_id)}


@blueprint.delete("/accounts/<int:account_id>/sessions")
@audience(Audience.MARKET)
@blueprint.response(204)
@blueprint.doc(**_SESSION)
def end_sessions(account_id: int) -> None:
    """Sign somebody out everywhere."""
    manage_people.end_sessions(services(), actor(), account_id)


@blueprint.delete("/accounts/<int:account_id>/sessions/<int:session_id>")
@audience(Audience.MARKET)
@blueprint.response(204)
@blueprint.doc(**_SESSION)
def end_one_session(account_id: int, session_id: int) -> None:
    """End one session: of a phone that was lost."""
    manage_people.end_session(services(), actor(), account_id, session_id)


@blueprint.get("/access-records")
@audience(Audience.SIGNED_IN)
@blueprint.arguments(shapes.AccessQuery, location="query")
@blueprint.response(200, shapes.AccessRecords)
@blueprint.doc(**_SESSION)
def list_access_records(wanted: dict[str, Any]) -> Any:
    """Who did or looked at what: a vendor's own concerns, an operator's market, an officer's own looks."""
    after, limit = _page(wanted)
    return _pages(access.records(services(), actor(), whose=wanted["whose"], after=after, limit=limit))


@blueprint.get("/access-records/<int:record_id>/proof")
@audience(Audience.SIGNED_IN)
@blueprint.response(200, shapes.AccessProof)
@blueprint.alt_response(409, schema=Problem)
@blueprint.doc(**_SESSION)
def prove_access_record(record_id: int) -> Any:
    """What shows to anybody that this record is one of its day's, without showing the others."""
    return access.proof(services(), actor(), record_id)


def _page(wanted: dict[str, Any]) -> tuple[int | None, int]:
    """Takes the page's place and size out of a query. Raises BadCursor, BadLimit."""
    return read_number_cursor(wanted.pop("cursor")), read_limit(wanted.pop("limit"))


def _pages(found: tuple[tuple[Any, ...], int | None]) -> Page[Any]:
    items, last = found
    return Page(items, write_cursor(None if last is None else [str(last)]))


def _role(text: str) -> Role:
    """Raises BadChoice."""
    if text not in tuple(Role):
        raise people.BadChoice({"role": people.BadChoice.message})
    return Role(text)
