"""Page assets by their short names, and the headers that every answer carries."""

from __future__ import annotations

import json
from pathlib import Path
from wsgiref.headers import Headers

from flask import Flask, Response, request
from whitenoise import WhiteNoise

from invoice_service.errors import N_, Error

DIST = Path(__file__).with_name("static") / "dist"
PREFIX = "/static/"
FINGERPRINT = r"-[A-Z0-9]{8}\.\w+$"  # a name that says its content may be kept for ever
CSP = (
    "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; object-src 'none'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)


class AssetsMissing(Error):
    code = "assets.missing"
    message = N_("The page assets are not built. Start with ./scripts/run, which builds them.")
    status = 500


def register(app: Flask) -> None:
    """Serve fingerprinted files, compressed beforehand and cached for ever. Raises AssetsMissing."""
    try:
        manifest = json.loads((DIST / "manifest.json").read_text())
    except FileNotFoundError:
        raise AssetsMissing from None
    app.jinja_env.globals["asset"] = lambda name: PREFIX + manifest[name]
    app.extensions["built"] = lambda name: (DIST / manifest.get(name, name)).read_text()
    files = WhiteNoise(
        app.wsgi_app,
        root=str(DIST),
        prefix=PREFIX,
        immutable_file_test=FINGERPRINT,
        add_headers_function=_no_sniffing,
    )
    app.wsgi_app = files  # type: ignore[method-assign]
    app.after_request(_secure)


def _no_sniffing(headers: Headers, _path: str, _url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"


def _secure(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", CSP)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "no-referrer")  # a page's address may be a holder's token
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "geolocation=(), microphone=(), camera=(self)")
    headers.setdefault("Cache-Control", "no-store")
    if request.is_secure:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response
