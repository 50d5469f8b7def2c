"""`POST /rpc`: the chain, to be read by anybody's browser, also by a page that was opened from disk.

Public, read-only and without a cookie's authority, so any origin may ask (a file's origin is "null").
"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from invoice_service.queries import chain_calls
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import limiter, services

MAX_BODY_BYTES = 64_000
blueprint = Blueprint("rpc", __name__)


@blueprint.post("/rpc")
@audience(Audience.PUBLIC)
@limiter.limit(lambda: services().config.rpc_limit)
def rpc() -> Response:
    request.max_content_length = MAX_BODY_BYTES
    return jsonify(chain_calls.answer(services(), request.get_data()))


@blueprint.after_request
def for_any_origin(response: Response) -> Response:
    response.headers["Access-Control-Allow-Origin"] = "*"
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = "POST"
        response.headers["Access-Control-Allow-Headers"] = "Content-Type"
        response.headers["Access-Control-Max-Age"] = "86400"
    return response
