"""Mail an invoice: what is asked for is kept as a row, and the settler sends it when it comes by.

Each try is recorded before it is made, so that a mail that kills its sender is not sent for ever. A server's
answer can be lost after it took the message; then it is sent again, as the same message: at most TRIES times,
and rather twice than never. An address is erased as soon as its mail is sent or given up.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage

import structlog

from invoice_service.config import Config
from invoice_service.domain.invoice import UnknownInvoice
from invoice_service.domain.mail import RETRY_AFTER_S, TRIES, NoMail, TooManyMails, read_address
from invoice_service.domain.numbering import business_day
from invoice_service.domain.token import MAIL, fingerprint
from invoice_service.mail.post import MailRefused, MailUnavailable, Post
from invoice_service.services import Services
from invoice_service.store import invoices, mails
from invoice_service.store.mails import Mail

log = structlog.get_logger()
DAY = timedelta(days=1)


def ask(services: Services, token: str, address: str, *, number: str | None = None) -> None:
    """The same again, while it waits, is the same mail.

    Raises NoMail, BadAddress, UnknownInvoice (another `number` than the token's, too), TooManyMails.
    """
    if not services.config.sends_mail:
        raise NoMail
    address, now = read_address(address), services.clock()
    mark = services.keyring.tokens.derive(MAIL, f"{business_day(now)} {address}")
    with services.database.unit_of_work() as uow:
        stored = invoices.by_token(uow.connection, fingerprint(token))
        if stored is None or number not in (None, stored.number):
            raise UnknownInvoice
        mails.lock(uow.connection, stored.number, mark)
        counts = mails.counts(uow.connection, stored.number, address, mark, now - DAY)
        if counts.waiting:
            uow.nothing_to_do()
            return
        _check_room(services.config, counts)
        waiting = {"number": stored.number, "address": address, "mark": mark, "state": "waiting"}
        mails.add(uow.connection, waiting | {"asked_at": now, "next_try_at": now})
        uow.commit()


def _check_room(config: Config, counts: mails.Counts) -> None:
    of_invoice, of_address = config.max_mails_per_invoice, config.max_mails_per_address
    if counts.of_invoice >= of_invoice or counts.of_address >= of_address:
        raise TooManyMails


def send_due(services: Services, post: Post, write: Callable[[Mail], EmailMessage]) -> bool:
    """Try the one that is due the longest. False where none is."""
    mail = _taken(services)
    if mail is None:
        return False
    if mail.tries >= TRIES:  # whoever tried the last time did not live to say how it went
        _close(services, mail, "given_up", "tried_too_often")
        return True
    try:
        post.send(write(mail))
    except MailRefused:
        _close(services, mail, "given_up", "refused")
    except MailUnavailable:
        if mail.tries + 1 >= TRIES:
            _close(services, mail, "given_up", "unavailable")
        else:
            log.warning("mail waits", mail=mail.id, tries=mail.tries + 1)
    else:
        _close(services, mail, "sent", None)
    return True


def _taken(services: Services) -> Mail | None:
    """As it was before this try, which is on record now."""
    with services.database.unit_of_work() as uow:
        mail = mails.next_due(uow.connection, services.clock())
        if mail is None:
            uow.nothing_to_do()
            return None
        if mail.tries >= TRIES:
            uow.nothing_to_do()
            return mail
        wait_s = RETRY_AFTER_S[min(mail.tries, TRIES - 1)]
        mails.note_try(uow.connection, mail.id, services.clock() + timedelta(seconds=wait_s))
        uow.commit()
    return mail


def _close(services: Services, mail: Mail, state: str, problem: str | None) -> None:
    with services.database.unit_of_work() as uow:
        mails.close(uow.connection, mail.id, state, services.clock(), problem)
        uow.commit()
    log.info("mail closed", mail=mail.id, state=state, problem=problem)
