"""Every name on a shopper's pages and in the bundle is text, whatever it would be to browsers and templates.

Characters that nobody sees, and those that turn a line around, are refused before they are a name.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
import requests
from flask.testing import FlaskClient
from sqlalchemy import update

from invoice_service.app import create_app
from invoice_service.domain.party import NAME_MAX
from invoice_service.flow import pay
from invoice_service.store.schema import metadata
from tests.till import Till, open_till

HOSTILE = "{{ 7*7 }}{% raw %}{0}%(x)s<script>alert(1)</script>\"onfocus='alert()'&lt;אב"
NAMED = {
    "markets": ("name_zh", "name_en"),
    "stalls": ("name_zh", "name_en", "kind_zh", "kind_en", "place_zh", "place_en"),
    "vendors": ("name_zh", "name_en", "default_name_zh", "default_name_en"),
    "goods": ("name_zh", "name_en"),
}
LANGUAGES = ("zh-CN", "en")
COMPANY = {"kind": "organization", "name": f"Qbuyer.{HOSTILE}", "tax_id": "92532528MA6L45LX6L"}
UNSEEN = ("\u202e", "\u2066", "\u200b", "\u200f", "\ufeff", "\u00ad")


@pytest.fixture(scope="module")
def till(
    tmp_path_factory: pytest.TempPathFactory, module_migrated_database_url: str, anvil_url: str
) -> Iterator[Till]:
    """Where everything has a hostile name, which begins with what it is the name of."""
    folder = tmp_path_factory.mktemp("hostile")
    with open_till(folder, module_migrated_database_url, anvil_url) as opened:
        with opened.services.database.unit_of_work() as uow:
            for table, columns in NAMED.items():
                names = {column: f"Q{table}.{column}.{HOSTILE}" for column in columns}
                assert max(map(len, names.values())) <= NAME_MAX
                uow.connection.execute(update(metadata.tables[table]).values(names))
            uow.commit()
        yield opened


@pytest.fixture(params=LANGUAGES)
def phone(till: Till, request: pytest.FixtureRequest) -> FlaskClient:
    app = create_app(till.services)
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    client.set_cookie("lang", request.param)
    return client


class Page(HTMLParser):
    """What a browser makes of a page: its text with the values of attributes, and what it would run."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.shown = ""
        self.run: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shown += "".join(f"\n{value}\n" for _, value in attrs if value)
        self.run += [f"{name}={value}" for name, value in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        if self.cdata_elem:
            self.run.append(data)
        else:
            self.shown += data


def names_on(html: str) -> set[str]:
    """Whose names the page shows. Each stands there in full, and nothing of any is run."""
    page = Page(html)
    assert not [code for code in page.run if "alert(" in code or "7*7" in code]
    begun = {piece.partition(".{")[0] for piece in page.shown.split("Q")[1:] if ".{" in piece}
    for name in begun:
        assert page.shown.count(f"Q{name}.") == page.shown.count(f"Q{name}.{HOSTILE}"), page.shown
    return begun


def test_names_are_text_on_every_page(till: Till, phone: FlaskClient) -> None:
    seen: set[str] = set()

    def look(path: str, status: int = 200, **form: str) -> None:
        answer = phone.post(path, data=form) if form else phone.get(path)
        assert answer.status_code == status, path
        names = names_on(answer.text)
        assert names, path
        seen.update(names)

    said = {
        "key": "0123456789abcdef",
        "stall": "A01",
        "kind": "invoice_refused",
        "words": f"Qwords.{HOSTILE}",
    }
    for path in ("/", "/s/A01", phone.post("/complain", data=said).location):
        look(path)
    look("/s/A01", 422, amount_yuan=f"Qamount.{HOSTILE}")
    look("/s/A01", 409, **{"way": "goods", "quantity-garlic": "1"})
    order = phone.post("/s/A01", data={"way": "goods", "quantity-pakchoi": "1"}).location
    for path in (order, f"{order}/part", "/s/A01"):
        look(path)

    leaves = phone.get(f"{order}/pay").location.removeprefix("http://pay.example")
    cashier = requests.get(f"{till.services.config.sandbox_url}{leaves}", timeout=10)
    assert names_on(cashier.text)
    token = order.removeprefix("/o/")
    pay.pay_in_sandbox(till.services, token)
    pay.check(till.services, token)
    for path in (order, f"{order}/invoice", "/basket"):
        look(path)
    look(f"{order}/invoice", 422, **COMPANY | {"tax_id": f"Qtax_id.{HOSTILE}"})
    look("/basket", 422, orders=token, header_code=f"Qheader_code.{HOSTILE}")
    for unseen in UNSEEN:
        refused = phone.post(f"{order}/invoice", data=COMPANY | {"name": f"甲{unseen}乙"})
        assert (refused.status_code, 'id="error-name"' in refused.text) == (422, True)

    invoice = phone.post(f"{order}/invoice", data=COMPANY).location
    for path in (invoice, order, "/basket", "/"):
        look(path)
    language = "zh" if "zh-CN" in str(phone.get_cookie("lang")) else "en"
    wanted = {
        f"{table}.{column}"
        for table, columns in NAMED.items()
        for column in columns
        if column.endswith(language)
    }
    assert wanted | {"buyer", "amount", "tax_id", "header_code"} <= seen

    zipped = phone.post("/basket/invoices", data={"invoices": token, "format": "zip"}).data
    readme = zipfile.ZipFile(io.BytesIO(zipped)).read("README.txt").decode()
    assert f"  Qvendors.name_zh.{HOSTILE}\r\n" in readme
