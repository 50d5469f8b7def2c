"""The message of a mail that is due, and the mail that a demo has written into its folder."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage

from invoice_service.domain.token import INVOICE
from invoice_service.errors import NotFound
from invoice_service.mail.chosen import demo_folder
from invoice_service.mail.message import Parcel, message
from invoice_service.queries import documents
from invoice_service.services import Services
from invoice_service.store.mails import Mail


@dataclass(frozen=True, slots=True)
class MailView:
    """`attachments` are (name, size in bytes) pairs."""

    name: str
    to: str
    subject: str
    date: str
    text: str
    attachments: tuple[tuple[str, int], ...]


def written(services: Services, mail: Mail) -> EmailMessage:
    token, config = services.keyring.tokens.derive(INVOICE, mail.number), services.config
    evidence = documents.evidence(services, token)[1]
    parcel = Parcel(
        id=mail.id,
        address=mail.address,
        asked_at=mail.asked_at,
        number=mail.number,
        total_fen=evidence.body["total_fen"],
        pdf=documents.pdf(services, token)[1],
        evidence=evidence.to_bytes(),
    )
    return message(parcel, sender=config.mail_from, verify_page=config.verify_page)


def listed(services: Services) -> tuple[MailView, ...]:
    """What the demo has written, the newest first."""
    folder = demo_folder(services.config)
    names = folder.names() if folder else ()
    return tuple(one(services, name) for name in names)


def one(services: Services, name: str) -> MailView:
    """Raises NotFound."""
    folder = demo_folder(services.config)
    found = folder.read(name) if folder else None
    if found is None:
        raise NotFound
    text = found.get_body()
    return MailView(
        name=name,
        to=str(found["To"]),
        subject=str(found["Subject"]),
        date=str(found["Date"]),
        text=text.get_content() if text else "",
        attachments=tuple(
            (part.get_filename("?"), len(part.get_content())) for part in found.iter_attachments()
        ),
    )
