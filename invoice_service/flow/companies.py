"""Put a company's account on record, once somebody has checked that it is the company's own.

From then on no token is asked for when that account claims what is made out to the company's tax id. Checking
is a person's work: the company shows its papers and signs with its account.
"""

from __future__ import annotations

import re

from invoice_service.domain.party import is_uscc
from invoice_service.errors import N_, InvalidInput, NotFound
from invoice_service.services import Services
from invoice_service.store import relays

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


class BadCompany(InvalidInput):
    code = "company.bad"
    message = N_(
        "Please give the company's tax id of 18 characters, its name, and its account: 0x and 40 hex digits."
    )


class NoCompany(NotFound):
    code = "company.unknown"
    message = N_("No account is on record for this tax id.")


def end(services: Services, tax_id: str) -> None:
    """From now on the company's account needs tokens again, as where it was stolen. Raises NoCompany."""
    with services.database.unit_of_work() as uow:
        if not relays.end_company(uow.connection, tax_id, services.clock()):
            raise NoCompany
        uow.commit()


def add(services: Services, tax_id: str, name: str, account: str) -> None:
    """In place of whatever the account stood for before, and of the company's account before. Raises
    BadCompany."""
    wrong = {
        "tax_id": not is_uscc(tax_id),
        "name": not name.strip(),
        "account": not _ADDRESS.fullmatch(account),
    }
    fields = {field: BadCompany.message for field, is_wrong in wrong.items() if is_wrong}
    if fields:
        raise BadCompany(fields)
    with services.database.unit_of_work() as uow:
        values = {
            "tax_id": tax_id,
            "name": name.strip(),
            "account": bytes.fromhex(account[2:]),
            "added_at": services.clock(),
        }
        relays.add_company(uow.connection, values)
        uow.commit()
