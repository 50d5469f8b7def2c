"""Invite an administrator from the shell: the first one, whom nobody can invite, or one who is locked out.

Whoever has the machine has everything, so this asks for no sign-in. It is in the access record all the same.
"""

from __future__ import annotations

import base64

from invoice_service.domain.access import Action
from invoice_service.domain.account import check_login, normal_login
from invoice_service.domain.invitation import DESK_LIFE
from invoice_service.domain.policy import Role
from invoice_service.domain.token import TOKEN_BYTES, fingerprint
from invoice_service.errors import N_, Error
from invoice_service.flow.access import note
from invoice_service.services import Services
from invoice_service.store import accounts, invitations


class NotAnAdministrator(Error):
    code = "account.not_admin"
    message = N_("The login {login} is not an administrator's, or that account is closed.")
    status = 409


def invite(services: Services, login: str, name: str) -> str:
    """A link that sets up a sign-in, replacing what there was. Raises BadLogin, NotAnAdministrator."""
    login, now = normal_login(login), services.clock()
    check_login(login)
    token = base64.urlsafe_b64encode(services.random(TOKEN_BYTES)).decode().rstrip("=")
    with services.database.unit_of_work() as uow:
        account = accounts.by_login(uow.connection, login)
        if account is not None and (account.role is not Role.ADMIN or account.disabled_at is not None):
            raise NotAnAdministrator(login=login)
        account_id = account.id if account else accounts.insert_account(
            uow.connection,
            {
                "role": Role.ADMIN.value,
                "name": name,
                "login": login,
                "user_handle": services.random(32),
                "created_at": now,
            },
        )  # fmt: skip
        invitations.revoke_open(uow.connection, account_id, now)
        values = {
            "token_hash": fingerprint(token),
            "account_id": account_id,
            "invited_by": None,
            "created_at": now,
            "expires_at": now + DESK_LIFE,
        }
        invitations.add(uow.connection, values)
        note(uow.connection, None, Action.INVITED, now=now, subject=account.name if account else name)
        uow.commit()
    return f"{services.config.public_url}/account/set-up/{token}"
