"""The second half of setting up, inside `.venv`: npm packages, page assets, translations."""

from __future__ import annotations

import os
import platform
import sys

from scripts.lib import node, progress, stamps
from scripts.lib.paths import ROOT, SETUP_LOG

ASSET_SOURCES = ROOT / "invoice_service/web/static/src"
ASSETS = ROOT / "invoice_service/web/static/dist/manifest.json"
TRANSLATIONS = ROOT / "invoice_service/web/translations"
PLATFORM_BUILDS = {"Anvil": "@foundry-rs/anvil-*", "esbuild": "@esbuild/*"}
TEST_PLATFORM_BUILDS = {"Hardhat's chain": "@nomicfoundation/edr-*"}
NO_BUILD = (
    "use Linux or macOS on x86-64 or arm64; if this is one, the download was incomplete: run this again."
)
BUILD_ASSETS = "import pathlib, sys; from scripts.lib import assets; assets.build(pathlib.Path(sys.argv[1]))"


def everything(*, for_tests: bool) -> None:
    _install_npm_packages(for_tests)
    _build_assets()
    _compile_translations()


def _install_npm_packages(for_tests: bool) -> None:
    """What the lock file says. No package may run a script of its own while it is installed.

    A service is installed without what only tests need: two more chains weigh as much as all the rest. Once
    they are there they stay.

    `npm ci` would refuse our lock file wherever the registry at hand lacks the builds for other
    platforms (mirrors often do); `install --no-save` installs the same versions with the same
    digests, and changes neither package.json nor the lock. It passes over a build for *this*
    platform just as lightly, so that is looked at afterwards.
    """
    lock = ROOT / "package-lock.json"
    for_all, for_service = stamps.digest([lock], "with tests"), stamps.digest([lock])
    inputs = for_all if for_tests else for_service
    if any(stamps.is_current("npm", had) for had in (for_all, inputs)) and (ROOT / "node_modules").is_dir():
        return
    tool = node.find_or_install()
    # npm's own `#!/usr/bin/env node` and its children must find this node, not an older one.
    path = os.pathsep.join([str(tool.executable.parent), os.environ.get("PATH", os.defpath)])
    flags = ["--no-save", "--ignore-scripts", "--no-audit", "--no-fund"]
    flags.append("--include=dev" if for_tests else "--omit=dev")
    command = [*tool.npm, "install", *flags, "--prefix", str(ROOT)]
    progress.run("Installing npm packages", command, SETUP_LOG, {**os.environ, "PATH": path})
    for part, builds in {**PLATFORM_BUILDS, **(TEST_PLATFORM_BUILDS if for_tests else {})}.items():
        if not any((ROOT / "node_modules").glob(builds)):
            raise progress.Failed(
                f"npm brought no {part} for this platform. {platform.platform()}: {NO_BUILD}"
            )
    stamps.set_current("npm", inputs)


def _build_assets() -> None:
    sources = [path for path in ASSET_SOURCES.rglob("*") if path.is_file()]
    inputs = stamps.digest([*sources, ROOT / "package-lock.json", ROOT / "scripts/lib/assets.py"])
    if stamps.is_current("assets", inputs) and ASSETS.exists():
        return
    # A process of its own, because it needs packages that this one may have started without.
    command = [sys.executable, "-c", BUILD_ASSETS, str(node.find_or_install().executable)]
    progress.run("Building the page assets", command, SETUP_LOG, _from_the_root())
    stamps.set_current("assets", inputs)


def _compile_translations() -> None:
    catalogues = list(TRANSLATIONS.rglob("*.po"))
    inputs = stamps.digest(catalogues)
    if stamps.is_current("translations", inputs) and all(po.with_suffix(".mo").exists() for po in catalogues):
        return
    command = [sys.executable, "-m", "scripts.lib.translations", "compile"]
    progress.run("Compiling the translations", command, SETUP_LOG, _from_the_root())
    stamps.set_current("translations", inputs)


def _from_the_root() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}
