"""Passkeys (WebAuthn): the device proves that it holds a key, and that whoever holds the device is its owner.

The browser is given options with a random challenge and answers with a signature over it. What is checked:
this site, this challenge, the person verified by finger, face or PIN of the device, and the key on file. A
challenge is good once: it is written down as used in the transaction that acts on the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import webauthn
from sqlalchemy import Connection
from webauthn.helpers import options_to_json, parse_authentication_credential_json
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from invoice_service.domain.invitation import check_open
from invoice_service.domain.policy import Actor, check_fresh
from invoice_service.domain.token import fingerprint
from invoice_service.errors import N_, Error
from invoice_service.services import Services
from invoice_service.store import accounts, idempotency, invitations, passkeys
from invoice_service.store.accounts import Proving
from invoice_service.store.passkeys import Passkey

CHALLENGE_BYTES = 32
_VERIFIED = UserVerificationRequirement.REQUIRED
_SCOPE = "passkey"


class PasskeyRefused(Error):
    code = "passkey.refused"
    message = N_("This passkey was not accepted. Please try again, or sign in another way.")
    status = 422


@dataclass(frozen=True, slots=True)
class Site:
    """Whom passkeys are made for: a domain name, and the address in the browser's bar."""

    rp_id: str
    origin: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the browser sent, the challenge it was asked with, and on which site."""

    credential: str
    challenge: bytes
    site: Site


@dataclass(frozen=True, slots=True)
class Signed:
    """A passkey whose signature was right, and how often it says it has signed."""

    passkey: Passkey
    sign_count: int
    challenge: bytes


def new_challenge(services: Services) -> bytes:
    return services.random(CHALLENGE_BYTES)


def options_for_invited(services: Services, token: str, challenge: bytes, site: Site) -> str:
    """For whoever holds an open invitation. Raises InvitationUnknown, …Used, …Late, …Revoked."""
    with services.database.read() as connection:
        found = invitations.find(connection, fingerprint(token))
        invitation = check_open(found, services.clock(), is_phone=False)
        return _to_make(accounts.proving(connection, invitation.account_id), (), challenge, site)


def options_for_another(services: Services, actor: Actor, challenge: bytes, site: Site) -> str:
    """For somebody signed in; a device that has one of theirs makes no second. Raises ConfirmFirst."""
    check_fresh(actor, services.clock())
    with services.database.read() as connection:
        known = passkeys.of_account(connection, actor.account_id)
        return _to_make(accounts.proving(connection, actor.account_id), known, challenge, site)


def options_to_confirm(services: Services, actor: Actor, challenge: bytes, site: Site) -> str:
    with services.database.read() as connection:
        return options_to_sign(challenge, site, passkeys.of_account(connection, actor.account_id))


def options_to_sign(challenge: bytes, site: Site, known: Sequence[Passkey] = ()) -> str:
    """As JSON for the browser; without `known` it asks which passkey of this site to take."""
    options = webauthn.generate_authentication_options(
        rp_id=site.rp_id,
        challenge=challenge,
        allow_credentials=[PublicKeyCredentialDescriptor(id=passkey.id) for passkey in known],
        user_verification=_VERIFIED,
    )
    return options_to_json(options)


def _to_make(account: Proving | None, known: Sequence[Passkey], challenge: bytes, site: Site) -> str:
    """A passkey that is found again without typing a login."""
    assert account is not None  # noqa: S101 - it is signed in, or invited
    wanted = AuthenticatorSelectionCriteria(
        resident_key=ResidentKeyRequirement.REQUIRED, user_verification=_VERIFIED
    )
    options = webauthn.generate_registration_options(
        rp_id=site.rp_id,
        rp_name="Stall Ledger",
        user_id=account.user_handle,
        user_name=account.login or account.name,
        user_display_name=account.name,
        challenge=challenge,
        authenticator_selection=wanted,
        exclude_credentials=[PublicKeyCredentialDescriptor(id=passkey.id) for passkey in known],
    )
    return options_to_json(options)


def made(answer: Answer, account_id: int, name: str, now: datetime) -> Mapping[str, Any]:
    """The row of a new passkey. Raises PasskeyRefused."""
    try:
        verified = webauthn.verify_registration_response(
            credential=answer.credential,
            expected_challenge=answer.challenge,
            expected_rp_id=answer.site.rp_id,
            expected_origin=answer.site.origin,
            require_user_verification=True,
        )
    except Exception as error:  # a stranger's bytes break the parser in ways it does not list
        raise PasskeyRefused from error
    return {
        "id": verified.credential_id,
        "account_id": account_id,
        "public_key": verified.credential_public_key,
        "sign_count": verified.sign_count,
        "name": name,
        "created_at": now,
        "last_used_at": None,
    }


def signed(services: Services, answer: Answer) -> Signed:
    """The passkey that signed. Raises PasskeyRefused."""
    try:
        credential = parse_authentication_credential_json(answer.credential)
    except Exception as error:  # a stranger's bytes break the parser in ways it does not list
        raise PasskeyRefused from error
    with services.database.read() as connection:
        passkey = passkeys.by_id(connection, credential.raw_id)
    if passkey is None:
        raise PasskeyRefused
    try:
        return Signed(passkey, _verified(answer, credential, passkey), answer.challenge)
    except Exception as error:
        raise PasskeyRefused from error


def _verified(answer: Answer, credential: AuthenticationCredential, passkey: Passkey) -> int:
    verified = webauthn.verify_authentication_response(
        credential=credential,
        expected_challenge=answer.challenge,
        expected_rp_id=answer.site.rp_id,
        expected_origin=answer.site.origin,
        credential_public_key=passkey.public_key,
        credential_current_sign_count=passkey.sign_count,
        require_user_verification=True,
    )
    return verified.new_sign_count


def spend(connection: Connection, challenge: bytes, now: datetime) -> None:
    """Raises PasskeyRefused where this challenge was answered before."""
    used = fingerprint(challenge.hex())
    if idempotency.remember(connection, _SCOPE, used.hex(), used, "used", now) is not None:
        raise PasskeyRefused


def use(connection: Connection, signed_: Signed, account: Proving | None, now: datetime) -> None:
    """Raises PasskeyRefused where it is not that account's, either is gone, or the answer was used before."""
    spend(connection, signed_.challenge, now)
    if account is None or account.disabled_at is not None or account.id != signed_.passkey.account_id:
        raise PasskeyRefused
    if passkeys.by_id(connection, signed_.passkey.id) != signed_.passkey:
        raise PasskeyRefused  # removed, or its counter moved: a copy of it may be about
    passkeys.used(connection, signed_.passkey.id, signed_.sign_count, now)
