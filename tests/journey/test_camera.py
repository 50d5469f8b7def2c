"""A stall's printed code and a buyer header's code before the camera; Chromium's shows a film of each."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from invoice_service.documents import qr
from invoice_service.domain import stall_code
from invoice_service.keyring import load
from invoice_service.web.identity import COOKIE
from tests import make
from tests.chromium import FLAGS, PHONE, complaints, unexpected
from tests.header_codes import NAME, USCC, header_code
from tests.stack import Stack

SIDE = 480


def film(text: str, file: Path) -> None:
    """One second of a QR code, as YUV4MPEG2: black on white, with its quiet zone, in the middle."""
    rows = qr.modules(text)
    scale = SIDE // len(rows)
    pad = (SIDE - scale * len(rows)) // 2
    picture = bytearray(b"\xeb" * SIDE * SIDE)
    for y, row in enumerate(rows):
        for x, module in enumerate(row):
            if module == "1":
                for line in range(pad + y * scale, pad + (y + 1) * scale):
                    start = line * SIDE + pad + x * scale
                    picture[start : start + scale] = b"\x10" * scale
    frame = b"FRAME\n" + bytes(picture) + b"\x80" * (SIDE * SIDE // 2)
    file.write_bytes(f"YUV4MPEG2 W{SIDE} H{SIDE} F10:1 Ip A1:1 C420\n".encode() + frame * 10)


@contextmanager
def filming(text: str, folder: Path) -> Iterator[Browser]:
    """A browser whose camera sees that code."""
    film(text, folder / "code.y4m")
    camera = (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={folder / 'code.y4m'}",
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=[*FLAGS, *camera]
        )
        yield browser
        browser.close()


def test_a_stall_is_checked_by_its_printed_code(stack: Stack, tmp_path: Path) -> None:
    with stack.database() as database, database.unit_of_work() as uow:
        officer = make.account(uow.connection, "officer", region="5308", name="陈立")
        token = make.signed_in(uow.connection, officer, confirmed=True)
        uow.commit()
    code = stall_code.printed("A01", 1, load(stack.folder).tokens)
    with filming(f"{stack.url}/s/{code}", tmp_path) as browser:
        context = browser.new_context(viewport=PHONE, locale="zh-CN", permissions=["camera"])
        context.add_cookies([{"name": COOKIE, "value": token, "url": stack.url}])
        page = context.new_page()
        said = complaints(page)
        page.goto(f"{stack.url}/officer/check")
        page.locator(".scan__start").click()
        expect(page.locator("#code")).to_have_value(f"{stack.url}/s/{code}", timeout=15_000)
        page.locator("#reason").fill("现场抽查")
        page.locator("form[action$='/check'] button[type=submit]").click()
        expect(page).to_have_url(re.compile(r"/officer/stalls/A01$"))
        assert not unexpected(said)


def test_a_buyer_header_is_scanned(stack: Stack, tmp_path: Path) -> None:
    with filming(header_code(bank=""), tmp_path) as browser:
        context = browser.new_context(viewport=PHONE, locale="zh-CN", permissions=["camera"])
        page = context.new_page()
        said = complaints(page)
        order = stack.place()["order_id"]
        stack.pay(order)
        stack.wait_paid(order)
        page.goto(f"{stack.url}/o/{order}/invoice")
        page.locator("[data-header] summary").click()
        page.locator("[data-camera]").click()
        expect(page.locator("#tax_id")).to_have_value(USCC, timeout=15_000)
        expect(page.locator("#name")).to_have_value(NAME)
        expect(page.locator("video")).to_be_hidden()
        assert not unexpected(said)
