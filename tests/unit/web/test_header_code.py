"""The phone reads a buyer header's code as the server does, and remembers headers only in its own store."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from invoice_service.domain import header_code as domain
from invoice_service.domain.party import INDIVIDUAL, BadBuyer
from scripts.lib import assets
from tests.header_codes import NAME, crc_of, header_code, packed

PROBLEMS = {domain.NOT_ONE: "not_one", domain.UNREADABLE: "unreadable", domain.CRC_WRONG: "crc"}
# Every character of GBK's: the phone, which only reads GBK, has to write it to count the CRC.
ALL_OF_GBK = [
    text
    for first in range(0x81, 0xFF)
    for second in (*range(0x40, 0x7F), *range(0x80, 0xFF))
    if (text := bytes((first, second)).decode("gbk", "ignore")) and len(text) == 1
]
CODES = [
    *(header_code(encoding=one, crc_encoding=two) for one in ("utf-8", "gbk") for two in ("utf-8", "gbk")),
    header_code("李秀英", "", "", ""),
    header_code("", "", "", ""),
    header_code("𠮷田商店", address="鿍㐂 €\u3000︐ǹ⺁"),
    header_code(crc="0000"),
    header_code(address="<script>alert(1)</script>"),
    *("", "https://example.com", "$01A$", "$01$", "$01//79$", header_code()[1:], header_code()[:-1]),
    *(packed("</>".join(["a"] * count + ["F00D"])) for count in range(7)),
    header_code(address="路" * 1_000),
    header_code().replace("=", ""),
    header_code()[:40] + "\r\n" + header_code()[40:],
    *(header_code("".join(ALL_OF_GBK[at : at + 300]), address="", bank="") for at in range(0, 21_000, 300)),
]


@pytest.fixture(scope="module")
def said(node: Path) -> dict[str, Any]:
    command = [node, Path(__file__).with_name("header_codes.mjs")]
    command += [assets.SOURCES / "header_code.js", assets.SOURCES / "headers_kept.js"]
    answer = subprocess.run(
        command, input=json.dumps(CODES), capture_output=True, text=True, check=False, timeout=60
    )
    assert answer.returncode == 0, answer.stderr
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def by_the_server(code: str) -> dict[str, str]:
    """Names and numbers that no invoice carries go into the phone's form, and are refused when it is sent."""
    try:
        buyer = domain.read(code)
    except BadBuyer as error:
        return {"problem": PROBLEMS[error.fields[domain.FIELD]]} if domain.FIELD in error.fields else {}
    return {"name": "" if buyer.name == INDIVIDUAL else buyer.name, "taxId": buyer.tax_id or ""}


def test_both_read_the_same(said: dict[str, Any]) -> None:
    pairs = list(zip(said["read"], map(by_the_server, CODES), strict=True))
    assert [phone for phone, server in pairs if server] == [server for _, server in pairs if server]
    assert all("name" in phone for phone, server in pairs if not server), (
        "too long, told after it is filled in"
    )
    assert {"name": NAME, "taxId": crc_of(b"")} not in said["read"]


def test_headers_are_remembered_the_last_first_and_forgotten_without_a_trace(said: dict[str, Any]) -> None:
    remembered = said["remembered"]
    assert remembered["nothing"] == []
    assert remembered["latest"] == ["5", "9", "8", "7", "6", "4", "3", "2"]
    assert remembered["forgotten"] == []
    assert remembered["broken"] == [[], [], [], []]
