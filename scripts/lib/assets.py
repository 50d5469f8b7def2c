"""Page assets: bundled by esbuild, named by their content, compressed once, listed in a manifest.

A fingerprinted file may be cached for ever, because other content gets another name. The pages ask
the manifest ({"phone.css": "phone-ABC.css"}) which name is the present one. Everything is built in
a folder beside the old one that then takes its place, so a server never sees half a build.
"""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import brotli  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "invoice_service/web/static/src"
DIST = ROOT / "invoice_service/web/static/dist"
ENTRIES = (
    "weui.css", "phone.css", "phone.js", "account.css", "account.js", "vendor.css", "vendor.js",
    "desk.css", "desk.js", "charts.js", "scan.js", "header.js", "wall.css",
    "offline.css", "offline.js",
)  # fmt: skip
# What the page that verifies without us carries: it travels alone, so their licences stand in it.
OFFLINE_PACKAGES = ("@noble/curves", "@noble/hashes")
OFFLINE_LICENCES = "offline-LICENSES.txt"
# What the bundles are made of besides our own. Tabler's package comes without its licence: it stands with us.
PACKAGES = ("weui", "htmx.org", "htmx-ext-sse", "echarts", "zrender", "tslib", "jsqr", *OFFLINE_PACKAGES)
TABLER_LICENCE = SOURCES / "LICENSE-tabler.txt"
LAUNCHER = ROOT / "node_modules/esbuild/bin/esbuild"
# Browsers since 2020 and the WeChat web view; newer features only where a page works without them.
TARGET = "es2020,chrome86,safari15"


class BuildFailed(RuntimeError):
    """esbuild said no; the message is what it printed."""


def build(node: Path, into: Path = DIST) -> None:
    """Bundle the page assets into `into`. `node` is a Node executable; the packages must be installed.

    The packages come without install scripts, so esbuild's command is still its Node launcher, which
    finds the binary for this platform. Raises BuildFailed.
    """
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into.parent, prefix=".building-") as workshop:
        fresh = Path(workshop) / "dist"
        manifest = _bundle(node, fresh)
        tabler = f"@tabler/core\n\n{TABLER_LICENCE.read_text()}"
        for name in manifest.values():
            _compress(fresh / name)
        (fresh / "LICENSES.txt").write_text(_licences(PACKAGES, tabler))
        (fresh / OFFLINE_LICENCES).write_text(_licences((*OFFLINE_PACKAGES, "jsqr")))
        (fresh / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
        _replace(into, fresh, Path(workshop) / "old")


def _bundle(node: Path, into: Path) -> dict[str, str]:
    """Run esbuild; answer {entry name: file name} as its own report has it."""
    report = into.parent / "report.json"
    command = [
        str(node), str(LAUNCHER), *(str(SOURCES / entry) for entry in ENTRIES),
        "--bundle", "--minify", "--format=iife", "--charset=utf8", f"--target={TARGET}",
        "--legal-comments=linked", "--entry-names=[name]-[hash]", "--log-level=warning",
        f"--outdir={into}", f"--metafile={report}",
    ]  # fmt: skip
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise BuildFailed(result.stderr)
    outputs = json.loads(report.read_text())["outputs"]
    return {
        Path(output["entryPoint"]).name: Path(name).name
        for name, output in outputs.items()
        if "entryPoint" in output
    }


def _licences(packages: Sequence[str], *more: str) -> str:
    """The licences of packages, whole: their notices must travel with the code."""
    texts = list(more)
    for package in packages:
        (licence,) = (ROOT / "node_modules" / package).glob("LICENSE*")
        notices = sorted((ROOT / "node_modules" / package).glob("NOTICE*"))  # Apache's must come along
        texts.append("\n".join([f"{package}\n", *(path.read_text() for path in (licence, *notices))]))
    return f"\n{'-' * 72}\n".join(texts)


def _compress(path: Path) -> None:
    content = path.read_bytes()
    path.with_name(path.name + ".br").write_bytes(brotli.compress(content, quality=11))
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(content, compresslevel=9, mtime=0))


def _replace(old: Path, fresh: Path, aside: Path) -> None:
    if old.exists():
        old.rename(aside)
    shutil.move(fresh, old)
