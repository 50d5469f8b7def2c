"""The message that an invoice goes out with: the signed PDF, the evidence file, and no token.

Whoever holds an invoice's token can hand the invoice over to a company, and mail is forwarded; what is
attached proves everything without opening anything. The same mail sent again has the same Message-ID, so
that a mail program shows it once where a server's answer was lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from invoice_service.domain.money import yuan

_TEXT = """\
附件是您的发票 {number}，金额 ¥{total}：一个带签名的 PDF，和一个证据文件。
任何人都可以在 {verify} 查验，也可以不经过我们自行验证。
您收到这封信，是因为有人在发票页面填了您的邮箱；发送后我们不保留这个地址。

Attached is your invoice {number} of ¥{total}: a signed PDF, and its evidence file.
Anybody can check it at {verify}, and verify it without us, too.
You get this since somebody gave your address on the invoice's page; it is not kept once this is sent.

试点项目，非税务机关官方服务。 Pilot: not an official tax-bureau service.
"""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is sent. `id` tells one mail from another."""

    id: int
    address: str
    asked_at: datetime
    number: str
    total_fen: int
    pdf: bytes
    evidence: bytes


def message(parcel: Parcel, *, sender: str, verify_page: str) -> EmailMessage:
    written = EmailMessage(policy=SMTP)
    written["From"] = sender
    written["To"] = parcel.address
    written["Subject"] = f"发票 Invoice {parcel.number}"
    written["Date"] = format_datetime(parcel.asked_at)
    written["Message-ID"] = f"<{parcel.id}.{parcel.number}@{sender.rpartition('@')[2]}>"
    written["Auto-Submitted"] = "auto-generated"  # no holiday notices, please
    total = yuan(parcel.total_fen)
    written.set_content(_TEXT.format(number=parcel.number, total=total, verify=verify_page))
    for data, kind in ((parcel.pdf, "pdf"), (parcel.evidence, "json")):
        name = f"{parcel.number}.{kind}"
        written.add_attachment(data, maintype="application", subtype=kind, filename=name)
    return written
