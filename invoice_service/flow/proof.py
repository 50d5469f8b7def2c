"""A password and a second factor, looked at together: one answer, and the same work, whatever was wrong.

The second factor is a one-time code (TOTP, RFC 6238) or, once each, a recovery code. Looking is slow and is
done outside of any transaction; `spend` then uses the code up inside the one that acts on it, so that of two
who come with the same code only one gets in.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import pyotp
from sqlalchemy import Connection

from invoice_service.domain.account import fresh_step, normal_password, normal_recovery_code
from invoice_service.domain.token import fingerprint
from invoice_service.flow import secret
from invoice_service.keyring import VAULT_NONCE_BYTES
from invoice_service.services import Services
from invoice_service.store import accounts
from invoice_service.store.accounts import Proving


@dataclass(frozen=True, slots=True)
class Proof:
    """What the account was proved with: the step of a one-time code, or else a recovery code's hash."""

    account: Proving
    step: int | None
    recovery_hash: bytes | None


def prove(services: Services, account: Proving | None, password: str, code: str) -> Proof | None:
    """None where anything is wrong. For an account that is not there a password is compared all the same."""
    stored = account.password_hash if account is not None else None
    is_password = secret.matches(stored or _nobodys(), normal_password(password))
    if account is None or stored is None or not is_password or account.disabled_at is not None:
        return None
    step = _step(services, account, code)
    recovery = normal_recovery_code(code)
    if step is None and recovery is None:
        return None
    return Proof(account, step, fingerprint(recovery) if step is None and recovery else None)


def spend(connection: Connection, proof: Proof, now: datetime) -> bool:
    """Use the code up, under the account's lock. False where it was used before, or where the account has
    changed since it was looked at."""
    account = accounts.proving(connection, proof.account.id, lock=True)
    if account is None or account.disabled_at or account.password_hash != proof.account.password_hash:
        return False
    if proof.step is not None:
        unchanged = account.totp_secret == proof.account.totp_secret
        return unchanged and accounts.use_totp_step(connection, account.id, proof.step)
    assert proof.recovery_hash is not None  # noqa: S101 - it has one or the other
    return accounts.use_recovery_code(connection, account.id, proof.recovery_hash, now)


def renew(connection: Connection, proof: Proof, password: str) -> None:
    """Hash a password again that was hashed with weaker parameters."""
    if proof.account.password_hash and secret.is_outdated(proof.account.password_hash):
        new = secret.hashed(normal_password(password))
        accounts.change(connection, proof.account.id, {"password_hash": new})


def new_totp_secret(services: Services) -> str:
    """160 bits in base32, as RFC 4226 advises."""
    return base64.b32encode(services.random(20)).decode()


def enrolment_uri(totp_secret: str, name: str) -> str:
    """What an authenticator app scans."""
    return pyotp.TOTP(totp_secret).provisioning_uri(name=name, issuer_name="Stall Ledger")


def first_step(services: Services, totp_secret: str, code: str) -> int | None:
    """The step of the code that shows that an authenticator has taken a new secret up."""
    return fresh_step(code, pyotp.HOTP(totp_secret).at, services.clock(), None)


def sealed(services: Services, account_id: int, totp_secret: str) -> bytes:
    """A secret as it is kept: encrypted, and of no use in another account's row."""
    nonce = services.random(VAULT_NONCE_BYTES)
    return services.keyring.seal(nonce, totp_secret.encode(), _owner(account_id))


def _step(services: Services, account: Proving, code: str) -> int | None:
    if account.totp_secret is None:
        return None
    totp_secret = services.keyring.unseal(account.totp_secret, _owner(account.id)).decode()
    return fresh_step(code, pyotp.HOTP(totp_secret).at, services.clock(), account.totp_step)


def _owner(account_id: int) -> bytes:
    return f"totp:{account_id}".encode()


@cache
def _nobodys() -> str:
    return secret.hashed("nobody's password")
