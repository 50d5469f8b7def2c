"""Which way mail goes: the configured server; else, in a demo, a folder; else none is taken."""

from __future__ import annotations

from invoice_service.config import BadSetting, Config
from invoice_service.domain.mail import BadAddress, read_address
from invoice_service.mail.folder import MailFolder
from invoice_service.mail.post import Post
from invoice_service.mail.smtp import BadServer, SmtpPost, read_server

NOT_SHOWN = "(not shown)"


def chosen_post(config: Config) -> Post | None:
    """None where no mail is taken. Raises BadSetting, which does not tell a password."""
    if not config.smtp_url:
        return demo_folder(config)
    try:
        server = read_server(config.smtp_url)
    except BadServer as error:
        raise BadSetting(name="SMTP_URL", value=NOT_SHOWN, expected=f"a mail server: {error}") from None
    try:
        read_address(config.mail_from)
    except BadAddress:
        raise BadSetting(name="MAIL_FROM", value=config.mail_from, expected="an address") from None
    try:
        return SmtpPost(server, ca_file=config.smtp_ca, timeout_s=config.smtp_timeout_s)
    except OSError:  # ssl's own are among them
        raise BadSetting(name="SMTP_CA", value=config.smtp_ca, expected="a file of certificates") from None


def demo_folder(config: Config) -> MailFolder | None:
    """Where mail goes that leaves this machine never; only beside the pretend payment service."""
    return MailFolder(config.data_dir / "mail") if config.sandbox_on and not config.smtp_url else None
