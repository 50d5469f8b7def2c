"""`/verify/offline`: one page that verifies without us, served or saved to disk with the same bytes.

It carries scripts, styles, texts in both languages, and what it trusts: the issuer's root, and the keys that
this root vouched for. Its policy names its one script and its one style by their hashes, in a header and in
the page itself, since a saved page has no headers. It may ask whatever endpoint its reader gives, and nothing
else.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from flask import Blueprint, Response, current_app, render_template, request
from flask_babel import force_locale, gettext
from markupsafe import Markup

from invoice_service.errors import NotFound, Unavailable
from invoice_service.queries import public_log
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.locale import LANGUAGES
from invoice_service.web.public.offline_words import WORDS

blueprint = Blueprint("offline", __name__)
LICENCES = "offline-LICENSES.txt"


@dataclass(frozen=True, slots=True)
class Page:
    """The whole file, its gzip form, and the policy that goes with it."""

    content: bytes
    packed: bytes
    policy: str
    name: str


@blueprint.get("/verify/offline")
@audience(Audience.PUBLIC)
def offline() -> Response:
    page = _page()
    is_packed = request.accept_encodings.quality("gzip") > 0
    response = Response(page.packed if is_packed else page.content, mimetype="text/html")
    if is_packed:
        response.headers["Content-Encoding"] = "gzip"
    response.vary.add("Accept-Encoding")
    response.headers["Content-Security-Policy"] = f"{page.policy}; frame-ancestors 'none'"
    if "download" in request.args:
        response.headers["Content-Disposition"] = f'attachment; filename="{page.name}"'
    return response


def _page() -> Page:
    """Made again only when the issuer states something else; the rest is of the build and the settings."""
    stated = _statement()
    made: dict[str | None, Page] = current_app.extensions.get("offline", {})
    if stated not in made:
        made = current_app.extensions["offline"] = {stated: _made(stated)}
    return made[stated]


def _statement() -> str | None:
    """The issuer statement; while the database is away, as this process last read it."""
    with suppress(NotFound, Unavailable):
        current_app.extensions["statement"] = public_log.issuer_statement(services()).decode()
    stated: str | None = current_app.extensions.get("statement")
    return stated


def _made(statement: str | None) -> Page:
    built = current_app.extensions["built"]
    script, style = built("offline.js").strip(), built("offline.css").strip()
    policy = (
        f"default-src 'none'; script-src {_hash_of(script)}; style-src {_hash_of(style)}; img-src data:; "
        "connect-src 'self' http: https:; base-uri 'none'; form-action 'none'"
    )
    issuer, config = services().keyring.issuer_id.hex(), services().config
    content = render_template(
        "public/offline.html",
        policy=policy,
        script=Markup(script),  # noqa: S704 - our own build
        style=Markup(style),  # noqa: S704
        licences=built(LICENCES),
        given={
            "issuer": issuer,
            "name": config.issuer_name,
            "statement": statement,  # by whose keys the links on paper are judged
            "service": config.public_url,
            "words": {language: _told(language) for language in LANGUAGES},
        },
    ).encode()
    return Page(content, gzip.compress(content, mtime=0), policy, f"verify-{issuer[:16]}.html")


def _hash_of(code: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'"


def _told(language: str) -> Mapping[str, str]:
    with force_locale(language.partition("-")[0]):
        return {key: gettext(text) for key, text in WORDS.items()}
