"""Who may do what, in one place: an `Actor`, and `check_…` functions that raise where `can_…` says no.

Three nested scopes: a vendor's own affairs, a market, a region (leading digits of GB/T 2260 codes). What is
outside somebody's scope does not exist for them: the answer is "not found", never "not yours", so that
nobody can learn by asking which numbers are in use next door.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta

from invoice_service.errors import N_, Error, NotFound

FRESH = timedelta(minutes=10)  # how long a proof of who is there lasts, for what needs it


class Role(enum.StrEnum):
    VENDOR = "vendor"
    OPERATOR = "operator"
    OFFICER = "officer"
    ADMIN = "admin"


class OutOfScope(NotFound):
    code = "scope.not_found"
    message = N_("There is nothing like that in your market.")


class NotAllowed(Error):
    code = "role.not_allowed"
    message = N_("Your account may not do this.")
    status = 403


class ConfirmFirst(Error):
    code = "session.confirm_first"
    message = N_("Please confirm once more that it is you.")
    status = 403


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is signed in, as of this request. `confirmed_at` is when they last proved who they are."""

    account_id: int
    session_id: int
    role: Role
    name: str
    market_id: int | None = None
    vendor_id: int | None = None
    region: str | None = None
    confirmed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Where something belongs: in a market of a region (six digits), and to a vendor if to anybody."""

    market_id: int
    region: str
    vendor_id: int | None = None


def can_see(actor: Actor, scope: Scope) -> bool:
    """Vendors their own, operators their market, officers their region, administrators everything."""
    match actor.role:
        case Role.VENDOR:
            return scope.vendor_id is not None and scope.vendor_id == actor.vendor_id
        case Role.OPERATOR:
            return scope.market_id == actor.market_id
        case Role.OFFICER:
            return actor.region is not None and scope.region.startswith(actor.region)
        case Role.ADMIN:
            return True


def check_see(actor: Actor, scope: Scope) -> None:
    """Raises OutOfScope."""
    if not can_see(actor, scope):
        raise OutOfScope


def can_manage(actor: Actor, scope: Scope) -> bool:
    """Stalls, vendors and who sells where: the operator of that market, and administrators."""
    return actor.role in (Role.OPERATOR, Role.ADMIN) and can_see(actor, scope)


def check_manage(actor: Actor, scope: Scope) -> None:
    """Raises OutOfScope where it is not theirs to see, NotAllowed where they may only look."""
    check_see(actor, scope)
    if not can_manage(actor, scope):
        raise NotAllowed


def check_books(actor: Actor, scope: Scope) -> None:
    """A vendor's orders, sums and goods. Officers come by another door, which asks them why.

    Raises OutOfScope, NotAllowed.
    """
    check_see(actor, scope)
    if actor.role is Role.OFFICER:
        raise NotAllowed


def check_supervise(actor: Actor, scope: Scope) -> None:
    """What tax officers alone do in their region. Raises OutOfScope, NotAllowed."""
    check_see(actor, scope)
    if actor.role is not Role.OFFICER:
        raise NotAllowed


def own_vendor(actor: Actor) -> tuple[int, int]:
    """(market, vendor) of somebody who sells; for what vendors alone do. Raises NotAllowed."""
    if actor.role is not Role.VENDOR or actor.market_id is None or actor.vendor_id is None:
        raise NotAllowed
    return actor.market_id, actor.vendor_id


# Whom each role may invite, and whose sign-in it may therefore reset or end.
MAY_INVITE: dict[Role, frozenset[Role]] = {
    Role.VENDOR: frozenset(),
    Role.OPERATOR: frozenset({Role.VENDOR, Role.OPERATOR}),
    Role.OFFICER: frozenset(),
    Role.ADMIN: frozenset(Role),
}


def can_invite(actor: Actor, role: Role, market_id: int | None) -> bool:
    """Operators for their own market only."""
    own = actor.role is Role.ADMIN or (market_id is not None and market_id == actor.market_id)
    return role in MAY_INVITE[actor.role] and own


def check_invite(actor: Actor, role: Role, market_id: int | None) -> None:
    """Raises OutOfScope for another market, NotAllowed for a role above one's own."""
    if actor.role is Role.OPERATOR and market_id is not None and market_id != actor.market_id:
        raise OutOfScope
    if not can_invite(actor, role, market_id):
        raise NotAllowed


def check_reach(actor: Actor, role: Role, market_id: int | None) -> None:
    """Accounts that the actor might have invited: to list them, end their sessions, close them.

    Raises OutOfScope for all others.
    """
    if not can_invite(actor, role, market_id):
        raise OutOfScope


def is_fresh(actor: Actor, now: datetime) -> bool:
    return actor.confirmed_at is not None and now - actor.confirmed_at <= FRESH


def check_fresh(actor: Actor, now: datetime) -> None:
    """For role changes, money actions and exports. Raises ConfirmFirst."""
    if not is_fresh(actor, now):
        raise ConfirmFirst
