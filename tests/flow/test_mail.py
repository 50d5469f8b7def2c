"""Invoices by e-mail, through a real server that takes them, fails, hangs, refuses, and loses replies."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from invoice_service.app import build_services
from invoice_service.config import BadSetting, Config
from invoice_service.domain.invoice import UnknownInvoice
from invoice_service.domain.mail import TRIES, BadAddress, NoMail, TooManyMails, read_address
from invoice_service.domain.order import PlainAmount
from invoice_service.domain.party import make_buyer
from invoice_service.flow import erase, issue, mail_invoice, order, pay
from invoice_service.mail.chosen import chosen_post
from invoice_service.mail.post import Post
from invoice_service.queries import documents, mails
from scripts.lib.local_ca import certificates
from tests import logs
from tests.clock import Clock
from tests.mail_server import PASSWORD, USER, MailServer, mail_server
from tests.payer import PaysWhenAsked
from tests.people import Town, town

NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)
ME = "Li.Xiuying+fapiao@example.com"
COMPANY = make_buyer("organization", "普洱茶业有限公司", "92532528MA6L45LX6L")


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def place(tmp_path: Path, migrated_database_url: str, clock: Clock) -> Iterator[Town]:
    with town(tmp_path, migrated_database_url, clock) as made:
        provider = PaysWhenAsked(clock)
        yield replace(made, services=replace(made.services, providers={provider.name: provider}))


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


def post_to(port: int, **settings: Any) -> Post:
    settings = {"smtp_url": f"smtp+plain://127.0.0.1:{port}", "smtp_timeout_s": 1.0} | settings
    found = chosen_post(Config(**settings))
    assert found is not None
    return found


def invoiced(place: Town) -> issue.Issued:
    placed = order.place(place.services, "A01", PlainAmount(1250))
    pay.start(place.services, placed.token, "pays-when-asked")
    pay.check(place.services, placed.token)
    return issue.issue(place.services, placed.token, COMPANY)


def send(place: Town, post: Post) -> int:
    """How many were tried."""
    tried = 0
    while mail_invoice.send_due(place.services, post, partial(mails.written, place.services)):
        tried += 1
    return tried


def rows(place: Town) -> list[tuple[Any, ...]]:
    found = place.rows("SELECT state, tries, address, problem FROM mails ORDER BY id")
    return [tuple(row.values()) for row in found]


def test_pdf_and_evidence_arrive_and_the_address_goes(
    place: Town, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = invoiced(place)
    with logs.of(mail_invoice, monkeypatch) as said:
        mail_invoice.ask(place.services, issued.token, f" {ME.replace('example', 'EXAMPLE')} ")
        mail_invoice.ask(place.services, issued.token, ME)  # a second tap
        assert send(place, post_to(server.port)) == 1
    (taken,) = server.taken
    assert (taken["To"], taken["Auto-Submitted"]) == (ME, "auto-generated")
    assert issued.number in taken["Subject"]
    attached = {part.get_filename(): part.get_content() for part in taken.iter_attachments()}
    assert attached == {
        f"{issued.number}.pdf": documents.pdf(place.services, issued.token)[1],
        f"{issued.number}.json": documents.evidence(place.services, issued.token)[1].to_bytes(),
    }
    body = taken.get_body()
    assert body is not None
    assert "¥12.50" in body.get_content()
    assert issued.token not in taken.as_string() + body.get_content(), "mail is forwarded"
    assert rows(place) == [("sent", 1, None, None)]
    assert "example.com" not in json.dumps(said)
    assert send(place, post_to(server.port)) == 0


def test_a_server_that_fails_is_tried_again_ever_later_and_then_no_more(
    place: Town, server: MailServer, clock: Clock
) -> None:
    issued = invoiced(place)
    mail_invoice.ask(place.services, issued.token, ME)
    post, nobody = post_to(server.port), post_to(1)
    server.answers = ["451 come back", "hang"]
    tried_at = []
    for minute in range(24 * 60):
        clock.now = NOON + timedelta(minutes=minute)
        if send(place, nobody if len(tried_at) > 1 else post):
            tried_at.append(minute)
    assert tried_at == [0, 1, 6, 36, 156, 516]
    assert rows(place) == [("given_up", TRIES, None, "unavailable")]
    assert (server.answers, server.taken) == ([], [])


def test_a_reply_that_is_lost_is_the_same_message_again(
    place: Town, server: MailServer, clock: Clock
) -> None:
    mail_invoice.ask(place.services, invoiced(place).token, ME)
    server.answers = ["lose"]
    post = post_to(server.port)
    assert send(place, post) == 1
    assert rows(place) == [("waiting", 1, ME, None)]
    clock.now += timedelta(minutes=2)
    assert send(place, post) == 1
    assert [mail["Message-ID"] for mail in server.taken] == [server.taken[0]["Message-ID"]] * 2
    assert rows(place) == [("sent", 2, None, None)]


def test_who_dies_with_a_mail_in_hand_does_not_die_of_it_for_ever(place: Town, clock: Clock) -> None:
    mail_invoice.ask(place.services, invoiced(place).token, ME)

    def dies(_mail: Any) -> Any:
        raise SystemExit

    for _ in range(TRIES):
        with pytest.raises(SystemExit):
            mail_invoice.send_due(place.services, post_to(1), dies)
        assert not mail_invoice.send_due(place.services, post_to(1), dies), "not before its time"
        clock.now += timedelta(days=1)
    assert mail_invoice.send_due(place.services, post_to(1), dies)
    assert rows(place) == [("given_up", TRIES, None, "tried_too_often")]


def test_a_refused_recipient_is_given_up_and_never_named(
    place: Town, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.refuses = {ME}
    other = "somebody.else@example.com"
    with logs.of(mail_invoice, monkeypatch) as said:
        for address in (ME, other):
            mail_invoice.ask(place.services, invoiced(place).token, address)
        assert send(place, post_to(server.port)) == 2
    assert rows(place) == [("given_up", 1, None, "refused"), ("sent", 1, None, None)]
    assert [mail["To"] for mail in server.taken] == [other]
    assert "@" not in json.dumps(said)


def test_a_message_refused_for_good_and_a_wrong_answer_for_now(place: Town, server: MailServer) -> None:
    server.answers = ["554 spam", "450 greylisted"]
    for _ in range(2):
        mail_invoice.ask(place.services, invoiced(place).token, ME)
    send(place, post_to(server.port))
    assert rows(place) == [("given_up", 1, None, "refused"), ("waiting", 1, ME, None)]


def test_two_settlers_send_each_mail_once(place: Town, server: MailServer) -> None:
    issued = [invoiced(place) for _ in range(6)]
    for one in issued:
        mail_invoice.ask(place.services, one.token, ME)
    with ThreadPoolExecutor(3) as pool:
        tried = list(pool.map(lambda _: send(place, post_to(server.port)), range(3)))
    assert sum(tried) == len(server.taken) == 6
    assert {mail["Subject"].split()[-1] for mail in server.taken} == {one.number for one in issued}


def test_encrypted_or_not_at_all(place: Town, server: MailServer, tmp_path: Path, clock: Clock) -> None:
    files = certificates(tmp_path / "ca", ["127.0.0.1"], datetime.now(UTC))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(files.leaf, files.leaf_key)
    with mail_server(tls) as secure:
        known = f"smtp://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{secure.port}"
        wrong = known.replace(quote(PASSWORD, safe=""), "wrong")
        mail_invoice.ask(place.services, invoiced(place).token, ME)
        for url, ca in (
            (f"smtp://127.0.0.1:{server.port}", ""),  # which offers no TLS
            (known, ""),  # whose certificate nobody vouches for
            (wrong, str(files.authority)),
            (f"smtps://127.0.0.1:{server.port}", ""),
        ):
            assert send(place, post_to(0, smtp_url=url, smtp_ca=ca)) == 1
            clock.now += timedelta(days=1)
        assert (server.taken, secure.taken) == ([], [])
        assert send(place, post_to(0, smtp_url=known, smtp_ca=str(files.authority))) == 1
        assert [mail["To"] for mail in secure.taken] == [ME]


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "a@b",
        "a@b.c\r\nBcc: d@e.ff",
        "a@example.com\n",
        "a\r\n@example.com",
        "a@example.com,b@example.com",
        "a b@example.com",
        "<a@example.com>",
        '"a"@example.com',
        "a\u202e@example.com",
        "a@ex\u200bample.com",
        "李@example.com",
        "a@例子.中国",
        "a@@example.com",
        ".a@example.com",
        "a..b@example.com",
        "a@-example.com",
        "a@example..com",
        "a@127.0.0.1",
        "a@[127.0.0.1]",
        f"{'a' * 65}@example.com",
        f"a@{'b' * 64}.com",
        f"a@{'.'.join(['b' * 60] * 5)}.com",
        "{{7*7}}@example.com\x00",
    ],
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(BadAddress):
        read_address(address)


def test_enough_is_enough(place: Town, server: MailServer, clock: Clock) -> None:
    """Per invoice, per address, and at the same instant."""
    issued = invoiced(place)
    with ThreadPoolExecutor(8) as pool:
        asked = list(pool.map(lambda n: tried_to_ask(place, issued, f"a{n}@example.com"), range(8)))
    assert asked.count(True) == 3
    others = [invoiced(place) for _ in range(5)]
    few = replace(place.services, config=replace(place.services.config, max_mails_per_address=2))
    small = replace(place, services=few)
    with ThreadPoolExecutor(5) as pool:
        asked = list(pool.map(lambda other: tried_to_ask(small, other, ME), others))
    assert asked.count(True) == 2
    assert send(place, post_to(server.port)) == 5
    assert not tried_to_ask(small, others[-1], ME), "sent ones count, though their address is gone"
    clock.now += timedelta(days=1)
    assert tried_to_ask(small, others[-1], ME)
    assert tried_to_ask(place, issued, "a9@example.com")


def tried_to_ask(place: Town, issued: issue.Issued, address: str) -> bool:
    try:
        mail_invoice.ask(place.services, issued.token, address)
    except TooManyMails:
        return False
    return True


def test_only_the_holder_and_only_where_mail_is_sent(place: Town) -> None:
    issued = invoiced(place)
    with pytest.raises(UnknownInvoice):
        mail_invoice.ask(place.services, "AAAAAAAAAAAAAAAAAAAAAA", ME)
    with pytest.raises(UnknownInvoice):
        mail_invoice.ask(place.services, issued.token, ME, number="26539000000000000999")
    silent = replace(place.services, config=replace(place.services.config, sandbox_url=""))
    with pytest.raises(NoMail):
        mail_invoice.ask(silent, issued.token, ME)
    assert rows(place) == []


def test_an_erased_buyer_is_not_mailed(place: Town, server: MailServer) -> None:
    issued = invoiced(place)
    mail_invoice.ask(place.services, issued.token, ME)
    erase.erase(place.services, issued.number, "本人要求")
    assert send(place, post_to(server.port)) == 0
    assert rows(place) == [("given_up", 0, None, "erased")]


def test_the_demo_writes_into_a_folder_and_shows_it_on_this_machine_only(place: Town) -> None:
    issued = invoiced(place)
    post = chosen_post(place.services.config)
    assert post is not None
    browser = place.browser()
    assert "@" not in browser.get("/mail?lang=en").text
    mail_invoice.ask(place.services, issued.token, ME)
    send(place, post)
    (file,) = (place.services.config.data_dir / "mail").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    assert ME in browser.get("/mail?lang=en").text
    shown = browser.get(f"/mail/{file.name}?lang=en").text
    assert f"{issued.number}.pdf" in shown
    assert "¥12.50" in shown
    for name in ("2.eml", "..%2f..%2fkeys%2fentry.key", f"{file.name}.draft", "x.eml"):
        assert browser.get(f"/mail/{name}").status_code == 404
    away = {"REMOTE_ADDR": "192.168.1.9"}
    assert browser.get("/mail", environ_base=away).status_code == 403


@pytest.mark.parametrize(
    "url",
    [
        "smtp+plain://mail.example.com",
        "http://user:hunter2@mail.example.com",
        "smtp://",
        "smtp://user:hunter2@mail.example.com:99999",
        "smtp://user:hunter2@[mail.example.com",
    ],
)
def test_a_server_that_cannot_be_stops_the_start_without_telling_its_password(
    tmp_path: Path, url: str
) -> None:
    with pytest.raises(BadSetting, match="SMTP_URL") as refused:
        build_services(Config(data_dir=tmp_path, smtp_url=url))
    assert "hunter2" not in str(refused.value)
    assert "hunter2" not in repr(Config(smtp_url=url))


def test_where_there_is_a_server_no_page_shows_mail(place: Town, server: MailServer) -> None:
    config = replace(place.services.config, smtp_url=f"smtp+plain://127.0.0.1:{server.port}")
    with_server = replace(place, services=replace(place.services, config=config), made_apps=[])
    assert with_server.browser().get("/mail").status_code == 404
