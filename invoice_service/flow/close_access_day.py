"""Close the access record of days that are over: one root over the day's records, committed to in the log.

From then on nobody can add, change or drop a record of that day unseen, the operator of the service
included: the root stands in an ACCESS_DAY entry, and each record can be shown to stand under it.
"""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import Connection

from invoice_service.domain.access import access_day_body, record_document
from invoice_service.domain.numbering import business_day
from invoice_service.flow.record import record, sign_entry
from invoice_service.ledger import canonical, tree
from invoice_service.ledger.entry import SALT_BYTES, Kind, commit_body
from invoice_service.services import Services
from invoice_service.store import access

GRACE = timedelta(minutes=10)  # for what began before midnight, and for clocks that are a little behind


def close_ended(services: Services) -> int:
    """Close every ended day that has records and is still open. Answers how many were closed."""
    before = business_day(services.clock() - GRACE)
    with services.database.read() as connection:
        days = access.open_days(connection, before)
    return sum(_close(services, day) for day in days)


def _close(services: Services, day: date) -> bool:
    """In one transaction, and once: whoever comes second finds the day closed."""
    with services.database.unit_of_work() as uow:
        access.hold_still(uow.connection)
        if access.is_closed(uow.connection, day):
            return False
        _write(services, uow.connection, day)
        uow.commit()
    return True


def _write(services: Services, connection: Connection, day: date) -> None:
    records = [canonical.encode(record_document(row)) for row in access.records_of(connection, day)]
    now, keys, salt = services.clock(), services.keyring, services.random(SALT_BYTES)
    size, root = len(records), tree.root_of([tree.leaf_hash(each) for each in records])
    body = access_day_body(issuer=keys.issuer_id.hex(), day=day, size=size, root=root)
    data, commitment = commit_body(salt, body)
    access.add_day(
        connection,
        {"day": day, "size": size, "root": root, "body": data, "salt": salt, "closed_at": now},
    )
    entry = sign_entry(keys, Kind.ACCESS_DAY, day.isoformat(), body_commitment=commitment, instant=now)
    record(connection, entry)
