"""The public log under `/log/`, as C2SP tlog-tiles has it: files that caches keep for ever, and one head.

Nothing here is counted against a limit: a follower reads thousands of tiles, and no question is a guess.
Pages of other origins may read it (CORS), since it is about nobody and takes no cookie into account.
"""

from __future__ import annotations

import gzip

from flask import Blueprint, Response, request

from invoice_service.queries import public_log
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services

blueprint = Blueprint("log", __name__, url_prefix="/log")
FOR_EVER = "public, max-age=31536000, immutable"
FOR_A_MOMENT = "public, max-age=1"  # a new head is signed within a second
_FASTEST = 1  # entries are mostly hashes: packing harder gains nothing


@blueprint.get("/checkpoint")
@audience(Audience.PUBLIC)
def checkpoint() -> Response:
    note = public_log.newest_checkpoint(services())
    return _file(note.encode(), "text/plain; charset=utf-8", FOR_A_MOMENT)


@blueprint.get("/issuer.json")
@audience(Audience.PUBLIC)
def issuer() -> Response:
    """Beside what tlog-tiles asks for: which keys sign this log, by the word of the issuer's root key."""
    return _file(public_log.issuer_statement(services()), "application/json", FOR_A_MOMENT)


@blueprint.get("/tile/<level>/<path:place>")
@audience(Audience.PUBLIC)
def tile(level: str, place: str) -> Response:
    return _file(public_log.tile(services(), level, place), "application/octet-stream", FOR_EVER)


@blueprint.get("/tile/entries/<path:place>")
@audience(Audience.PUBLIC)
def bundle(place: str) -> Response:
    data = public_log.bundle(services(), place)
    packed = request.accept_encodings["gzip"] > 0
    response = _file(
        gzip.compress(data, _FASTEST, mtime=0) if packed else data, "application/octet-stream", FOR_EVER
    )
    if packed and response.status_code == 200:
        response.content_encoding = "gzip"
    response.vary.add("Accept-Encoding")
    return response


def _file(data: bytes, content_type: str, kept: str) -> Response:
    response = Response(data, content_type=content_type, headers={"Cache-Control": kept})
    response.add_etag()
    response.make_conditional(request)
    return response


@blueprint.after_request
def _for_pages_of_others(response: Response) -> Response:
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response
