"""Every route × every role, from the ONE table in `tests/doors.py`, over a real database.

The routes are the application's own (`app.url_map`), so a new one without a line in the table fails by name.
What may succeed changes something: it gets a copy of the town to itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import pytest
from werkzeug.test import TestResponse

from invoice_service.domain.numbering import business_day
from invoice_service.domain.sales_asked import SalesAsked
from invoice_service.flow import allow, check_pile, export_sales, look
from tests import make
from tests.conftest import copy_of_database
from tests.doors import DOORS, OVER_PLAIN_HTTP, Door, doors_of, filled, places
from tests.people import EVERYBODY, NOBODY, Town, moved, town

ELSEWHERE = "198.51.100.7"  # an address of documentation, so surely not this machine
NAMES = ("李秀英", "Li Xiuying", "王强", "Wang Qiang", "思茅中心农贸市场", "Simao Central")
THEIR_OWN = {"operator": ("思茅中心农贸市场", "Simao Central")}  # stands in the frame of their desk
FreshTown = Callable[[], Town]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, module_migrated_database_url: str) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("town"), module_migrated_database_url) as made:
        officer = made.actor("officer")
        look.at_market(made.services, officer, "PE01", "抽查 2026")
        look.at_vendor(made.services, officer, made.vendors["vendor"], "抽查 2026")
        look.at_stall(made.services, officer, "A01", "抽查 2026")
        check_pile.begin(made.services, officer, [], "26539000000000000001", "抽查 2026")
        with made.services.database.unit_of_work() as uow:
            for closed in ({}, {"state": "closed", "outcome": "warned"}):
                make.finding(uow.connection, made.markets[1], made.vendors["vendor"], **closed)
            uow.commit()
        today = business_day(made.services.clock())
        export_sales.begin(made.services, officer, "en", "PE01", SalesAsked(today, today))
        export_sales.work(made.services)
        allow.set_ceiling(made.services, officer, made.vendors["vendor"], 500_000, "新登记户")
        allow.ask(made.services, made.actor("vendor"), 800_000, "旺季要多开")
        made.services.database.dispose()  # a database that is in use cannot be copied
        yield made


@pytest.fixture
def fresh(here: Town) -> Iterator[FreshTown]:
    """The town as it was, as often as wanted."""
    with ExitStack() as copies:

        def make() -> Town:
            here.services.database.dispose()
            url = copies.enter_context(copy_of_database(here.services.config.database_url))
            return copies.enter_context(moved(here, url))

        yield make


def knock(here: Town, name: str, door: str, **environ: str) -> TestResponse:
    method, _, rule = door.partition(" ")
    wanted, known = DOORS[door], places(here, name)
    path = address(rule, wanted, known)
    options = {
        "json": filled(wanted.json, known),
        "data": filled(wanted.form, known),
        "query_string": filled(wanted.query, known),
        "environ_overrides": environ,
        "headers": dict(wanted.headers),
    }
    if path.startswith("/api/"):
        return here.api(name, method, path, **options)
    return here.browser(name).open(path, method=method, **options)


def address(rule: str, door: Door, known: Mapping[str, object]) -> str:
    for part, value in door.path.items():
        rule = re.sub(rf"<(\w+:)?{part}>", str(filled(value, known)), rule)
    assert "<" not in rule, f"the table does not say what stands for a part of {rule}"
    return rule


def test_the_table_has_every_door_and_no_other(here: Town) -> None:
    assert doors_of(here.app) == {name: door.who for name, door in DOORS.items()}


@pytest.mark.parametrize("door", DOORS)
def test_who_is_let_in(here: Town, fresh: FreshTown, door: str) -> None:
    wrong = {}
    for name in EVERYBODY:
        expected = DOORS[door].answer_to(name)
        changes = expected < 400 and not door.startswith("GET ")
        answer = knock(fresh() if changes else here, name, door)
        if answer.status_code != expected:
            wrong[name] = (answer.status_code, expected)
        if is_refusal(DOORS[door], expected):
            secret = set(NAMES) - set(THEIR_OWN.get(name, ()))
            assert not [word for word in secret if word in answer.text], (name, answer.text)
        answer.close()
    assert not wrong, f"{door} answered (what it did, what it should): {wrong}"


def is_refusal(door: Door, status: int) -> bool:
    return status in (401, 403, 404) and door.status not in (401, 403, 404)


@pytest.mark.parametrize("door", DOORS)
def test_over_plain_http_from_elsewhere_no_desk_answers(here: Town, door: str) -> None:
    answer = knock(here, NOBODY, door, REMOTE_ADDR=ELSEWHERE)
    assert (answer.status_code == 403) is (DOORS[door].who not in OVER_PLAIN_HTTP), answer.status_code
    answer.close()


@pytest.mark.parametrize("door", [door for door in DOORS if DOORS[door].answer_to(NOBODY) == 401])
def test_a_sessions_token_opens_nothing_at_the_other_kind_of_door(here: Town, door: str) -> None:
    """A page takes no bearer token, and the API no cookie, so that no browser can be made to send one."""
    method, _, rule = door.partition(" ")
    crossed = here.browser("admin") if rule.startswith("/api/") else here.app.test_client()
    headers = {} if rule.startswith("/api/") else {"Authorization": f"Bearer {here.tokens['admin']}"}
    path = address(rule, DOORS[door], places(here, NOBODY))
    assert crossed.open(path, method=method, headers=headers).status_code == DOORS[door].answer_to(NOBODY)
