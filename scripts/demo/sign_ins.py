"""The demo's operator, tax officer and administrator, with secrets of this data directory alone.

They are made with the demo market and kept in a file for its owner's eyes, so that every start of
`./scripts/run` can print the same ones. A service without the demo never has them.
"""

from __future__ import annotations

import json
import os
import secrets
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from invoice_service.flow import proof, secret
from invoice_service.services import Services
from invoice_service.store import accounts
from tests import make

FILE = "demo-sign-ins.json"
_PEOPLE = {
    "operator": ("operator", "周敏（市场管理方）"),
    "officer": ("officer", "陈立（税务人员）"),
    "admin": ("admin", "系统管理员"),
}


def add(services: Services, connection: Connection, market_id: int, region: str) -> None:
    """Accounts first and the file before they are committed: what it holds is then what the database has."""
    now = services.clock()
    made = {
        login: _add(services, connection, login, now, market_id=market_id, region=region) for login in _PEOPLE
    }
    _write(services.config.data_dir / FILE, json.dumps(made, indent=1) + "\n")


def _add(
    services: Services, connection: Connection, login: str, now: datetime, *, market_id: int, region: str
) -> dict[str, str]:
    role, name = _PEOPLE[login]
    password, totp_secret = secrets.token_urlsafe(12), proof.new_totp_secret(services)
    account_id = make.account(
        connection,
        role,
        login=login,
        name=name,
        created_at=now,
        market_id=market_id if role == "operator" else None,
        region=region if role == "officer" else None,
        password_hash=secret.hashed(password),
    )
    sealed = proof.sealed(services, account_id, totp_secret)
    accounts.change(connection, account_id, {"totp_secret": sealed})
    return {"password": password, "secret": totp_secret}


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and never readable by anybody else."""
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
