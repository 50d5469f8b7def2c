"""Every setting and every limit, read once from the environment into one frozen value.

Nothing else in the package reads the environment. Each default is what a laptop needs; the comment
beside it says why it is what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from invoice_service.errors import N_, Error

# GB/T 2260: provinces, autonomous regions, municipalities and special administrative regions.
PROVINCES = frozenset({
    "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42",
    "43", "44", "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71", "81", "82",
})  # fmt: skip


class BadSetting(Error):
    code = "config.bad_setting"
    message = N_("The setting {name} is {value!r}; it must be {expected}.")
    status = 500


@dataclass(frozen=True, slots=True)
class Config:
    # Where things are.
    data_dir: Path = Path(".data")
    database_url: str = ""
    chain_rpc_url: str = ""
    public_url: str = "http://localhost:8000"
    sandbox_url: str = ""  # the pretend payment service; empty = absent, with its doors
    log_origin: str = "stall-ledger.local/log"  # C2SP checkpoint origin: names the log for ever
    issuer_name: str = "Stall Ledger pilot"
    chain_operator: str = "this installation itself"  # said in every verdict: who runs the chain

    # In every invoice number: the province of the market's tax office (53 = Yunnan).
    region_code: str = "53"

    # Orders. A real shopper pays within a minute or two; WeChat asks that no order is closed before
    # five minutes. ¥50,000 is far above any basket of a farmers' market and below payment-app limits.
    order_lifetime_s: int = 900
    max_amount_fen: int = 5_000_000
    max_lines: int = 60
    max_goods: int = 200  # of one vendor: all of them are one page
    max_rounding_fen: int = 100  # 抹零 lets go less than this: small change, never a price

    # Payments. Five minutes is the freshness WeChat Pay documents for its notices.
    notification_max_age_s: int = 300
    provider_timeout_s: float = 4.0  # a provider expects its own answers within five seconds
    payment_query_after_s: tuple[int, ...] = (5, 15, 30, 60, 120, 300, 600)

    # The ledger. A head every half second is soon enough to watch and few enough for any chain.
    settle_interval_ms: int = 200
    anchor_interval_ms: int = 400
    chase_interval_ms: int = 1_000  # the first question about a payment is due after five seconds
    close_interval_ms: int = 60_000  # a day's access record is closed ten minutes after the day
    export_interval_ms: int = 1_000  # somebody watches the bar
    seal_batch: int = 5_000  # bounds memory and the time the head row stays locked
    chain_confirmations: int = 0  # blocks on top before "final"; 0 suits a development chain
    chain_timeout_s: float = 5.0
    # A development chain of our own may be wiped: then the settler goes on in a new epoch by itself. On any
    # other chain that is a person's decision (`deploy --new-epoch`).
    new_epoch_if_wiped: bool = False
    stuck_after_s: int = 60  # a pending transaction older than this is replaced at a higher fee

    # Mail. Without a server, a demo writes it into DATA_DIR/mail, and anything else takes none.
    smtp_url: str = field(default="", repr=False)  # smtp://user:password@host:587, or see mail/smtp.py
    smtp_ca: str = ""  # whose certificates to believe besides the machine's: a file
    smtp_timeout_s: float = 20.0  # mail servers may look at who is calling before they greet
    mail_from: str = "invoices@stall-ledger.example"
    max_mails_per_invoice: int = 3  # in a day: one that went astray, and one for the accountant
    max_mails_per_address: int = 40  # in a day: two baskets

    # The web. A whole market sits behind one address, so limits are per guess, not per visit.
    max_body_bytes: int = 1_000_000
    max_pile_bytes: int = 64_000_000  # five hundred PDFs of an invoice, with room
    verify_limit: str = "120 per minute"
    number_lookup_limit: str = "30 per minute"
    rpc_limit: str = "240 per minute"  # a file's verification asks four times
    complaint_limit: str = "20 per 10 minutes"
    # Somebody who claims and releases one invoice over and over spends the relaying account's coins.
    max_relays_per_invoice: int = 10  # in a day; who needs more sends them from an account of its own
    max_relays_waiting: int = 1_000  # lists; on a slow chain hours of work, and none is promised in time
    claim_limit: str = "120 per minute"  # of up to a hundred invoices each; an office asks as one address
    trusted_proxies: int = 0  # how many proxies of ours stand before us; their X-Forwarded-* is believed
    web_workers: int = 2
    web_threads: int = 232  # a live page holds one, asleep; the 32 that work share the database's pool
    max_live_streams: int = 200  # per process: the phones of a whole market; the pages beyond it poll
    live_poll_ms: int = 250
    web_bind: str = "127.0.0.1:8000"  # host:port, several separated by commas
    web_cert: str = ""
    web_key: str = ""
    sandbox_bind: str = "127.0.0.1:8001"
    sandbox_public_url: str = ""  # where a phone reaches the cashier
    json_logs: bool = False
    database_pool: int = 16

    def __post_init__(self) -> None:
        """Raises BadSetting: a wrong region would stand in every number, and no number can be changed."""
        if self.region_code not in PROVINCES:
            expected = "two digits of a province in GB/T 2260, such as 53"
            raise BadSetting(name="REGION_CODE", value=self.region_code, expected=expected)

    @property
    def local_ca(self) -> Path:
        """The certificate of our own authority, where `./scripts/run --https` made one."""
        return self.data_dir / "https" / "ca.crt"

    @property
    def verify_page(self) -> str:
        """Where anybody checks an invoice: short enough to type from paper."""
        return f"{self.public_url}/verify"

    @property
    def sandbox_on(self) -> bool:
        return bool(self.sandbox_url)

    @property
    def sends_mail(self) -> bool:
        return bool(self.smtp_url) or self.sandbox_on

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Config:
        """Read upper-cased field names (DATA_DIR, DATABASE_URL, …). Raises BadSetting."""
        default = cls()
        given = {name: environment.get(name.upper(), "") for name in cls.__dataclass_fields__}
        values = {name: _read(name, text, getattr(default, name)) for name, text in given.items() if text}
        return replace(default, **values)


def _read(name: str, text: str, default: Any) -> Any:
    """`text` as a value of the default's type."""
    expected = type(default).__name__
    try:
        if isinstance(default, bool):
            return {"1": True, "true": True, "0": False, "false": False}[text.lower()]
        if isinstance(default, tuple):
            expected = "numbers separated by commas"
            return tuple(int(part) for part in text.split(","))
        return type(default)(text)
    except (ValueError, KeyError):
        raise BadSetting(name=name.upper(), value=text, expected=expected) from None
