"""Real Chromium for journeys: how it starts, what no page may ever do, and pictures for who wants to look.

SCREENSHOTS=/some/folder .venv/bin/python -m pytest tests/journey/test_market_desk.py
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from scripts.lib.paths import ROOT

# Two pages of the address bar's, which nobody sees here and each new window would load: a second and a half
# of a processor. Of two lists of features Chromium takes the last, so Playwright's stands here again.
FEATURES_OFF = (
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup",
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding",
    "ThirdPartyStoragePartitioning", "AvoidCorsURLLoaderRestartOnRedirect", "TcpPortRandomizationWin",
    "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled", "PreconnectToSearch",
)  # fmt: skip
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", f"--disable-features={','.join(FEATURES_OFF)}",
)  # fmt: skip
PHONE, DESKTOP = ViewportSize(width=390, height=844), ViewportSize(width=1280, height=800)
AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text()
# Only the rules whose findings count: a rule's impact is that of all it finds.
SERIOUS = """async () => {
    const isAsked = ({enabled, tags}) => enabled && !tags.includes("experimental");
    const counts = (rule) => isAsked(rule) && (rule.impact === "serious" || rule.impact === "critical");
    const values = axe._audit.rules.filter(counts).map(({id}) => id);
    const found = await axe.run(document, {resultTypes: ["violations"], runOnly: {type: "rule", values}});
    return found.violations;
}"""
JSQR = (ROOT / "node_modules" / "jsqr" / "dist" / "jsQR.js").read_text()
READ = """async (drawing) => {
    const side = 600, picture = new Image(side, side);
    picture.src = "data:image/svg+xml," + encodeURIComponent(new XMLSerializer().serializeToString(drawing));
    await picture.decode();
    const paper = Object.assign(document.createElement("canvas"), { width: side + 80, height: side + 80 });
    const pen = paper.getContext("2d");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, paper.width, paper.height);
    pen.drawImage(picture, 40, 40, side, side);
    const pixels = pen.getImageData(0, 0, paper.width, paper.height);
    return jsQR(pixels.data, paper.width, paper.height)?.data ?? "";
}"""
# How Chromium tells that the server said no on purpose.
REFUSALS = re.compile("status of 4(03|09|10|22|29)")


@contextmanager
def running() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=FLAGS
        )
        yield browser
        browser.close()


def complaints(page: Page) -> list[str]:
    """Where the page's errors and refused resources will be found: a journey ends with `unexpected` of it."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda said: found.append(said.text) if said.type == "error" else None)
    return found


def unexpected(found: list[str]) -> list[str]:
    return [said for said in found if not REFUSALS.search(said)]


def check_page(page: Page, name: str = "") -> None:
    """Nothing wider than the screen, no serious finding of axe-core.

    `evaluate` runs beside the page's scripts, so its Content-Security-Policy stays on.
    """
    page.wait_for_load_state()
    if name and (folder := os.environ.get("SCREENSHOTS")):
        width = page.viewport_size["width"] if page.viewport_size else 0
        page.screenshot(path=Path(folder) / f"{name}-{width}-{language(page)}.png", full_page=True)
    widest = page.evaluate("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)")
    assert widest <= page.evaluate("innerWidth"), f"{name} is too wide"
    page.evaluate(AXE)
    serious = page.evaluate(SERIOUS)
    assert not serious, json.dumps([(v["id"], [n["html"] for n in v["nodes"]]) for v in serious], indent=1)


def language(page: Page) -> str:
    found: str = page.locator("html").get_attribute("lang") or ""
    return found


def scan(page: Page, drawing: str) -> str:
    """What a phone's camera would read in a QR code on the page: an SVG, found by its selector."""
    page.evaluate(JSQR)
    return str(page.locator(drawing).evaluate(READ))
