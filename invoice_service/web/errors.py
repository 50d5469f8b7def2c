"""How a refusal looks: `application/problem+json` (RFC 9457) for programs, a kind page for people.

An error's English message is the key of its translation; its parameters are filled in afterwards. What
nobody foresaw becomes a plain "something went wrong" with a reference that finds the log line.
"""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, current_app, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Response as AnyResponse

from invoice_service.domain.policy import ConfirmFirst, Role
from invoice_service.domain.stall_code import ForeignCode
from invoice_service.errors import N_, Error, Name
from invoice_service.web.identity import SignInFirst, maybe_actor
from invoice_service.web.locale import language

log = structlog.get_logger()
UNFORESEEN = N_("Something went wrong on our side. Nothing was lost. Reference: {reference}")
_HTTP_MESSAGES = {
    400: ("request.bad", N_("The request cannot be read.")),
    404: ("not_found", N_("There is nothing here. Please check the address or scan the code again.")),
    405: ("request.method", N_("This address does not take that method.")),
    413: ("request.too_large", N_("That is too large.")),
    415: ("request.media_type", N_("This address takes another content type.")),
    422: ("input.invalid", N_("Some fields need your attention.")),
    429: ("rate.limited", N_("Too many attempts. Please wait a moment.")),
}

# Whose desks they are, by blueprint.
_DESKS = {"market": {Role.OPERATOR, Role.ADMIN}, "officer": {Role.OFFICER}}
# Where people go who must first prove who they are.
_DOORS: dict[type[Error], str] = {SignInFirst: "account.login", ConfirmFirst: "account.confirm"}


def register(app: Flask) -> None:
    app.register_error_handler(Error, _refused)
    app.register_error_handler(HTTPException, http_refused)
    app.register_error_handler(Exception, _unforeseen)


def told(message: str, parameters: dict[str, object]) -> str:
    """A message in the reader's language."""
    chinese = language() == "zh-CN"
    said = {
        name: (value.zh if chinese else value.en) if isinstance(value, Name) else value
        for name, value in parameters.items()
    }
    return gettext(message).format_map(said) if said else gettext(message)


def told_fields(error: Error) -> dict[str, str]:
    return {field: told(message, error.parameters) for field, message in error.fields.items()}


def _refused(error: Error) -> AnyResponse:
    door = _DOORS.get(type(error))
    if door is not None and "text/html" in request.headers.get("Accept", ""):
        return _by_way_of(door)
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("refused", code=error.code, path=request.path, exc_info=error)
    message, fields = told(error.message, error.parameters), told_fields(error)
    response = answer(error.status, error.code, message, fields, title=error.title)
    if error.retry_after_s is not None:
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def _by_way_of(door: str) -> AnyResponse:
    """People in a browser go and prove who they are, and come back to the page they were on."""
    page = urlsplit(request.headers.get("HX-Current-URL") or "")._replace(scheme="", netloc="").geturl()
    url = url_for(door, next=page or _page_asked())
    if "HX-Request" in request.headers:
        return Response(status=204, headers={"HX-Redirect": url})
    return redirect(url, 303)


def _page_asked() -> str | None:
    """What was asked for, where asking again does no more than show it; for a form, the page it stands on."""
    if request.method == "GET":
        return request.full_path.rstrip("?")
    doors, path = current_app.url_map.bind(""), request.path
    while path:
        try:
            doors.match(path, "GET")
        except HTTPException:
            path = path.rpartition("/")[0]
        else:
            return path
    return None


def http_refused(error: HTTPException) -> Response:
    """Refusals of the framework itself: no route, bad JSON, too large, too often, schema violations."""
    status = error.code or 500
    if isinstance(error, RequestEntityTooLarge):
        request.environ["wsgi.input_terminated"] = True
    code, message = _HTTP_MESSAGES.get(status, ("error", N_("Something went wrong.")))
    response = answer(status, code, gettext(message), _schema_errors(error))
    for name, value in error.get_headers() if status in (405, 429) else []:
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _unforeseen(error: Exception) -> Response:
    reference = secrets.token_hex(4)
    log.error("unforeseen", reference=reference, path=request.path, exc_info=error)
    return answer(500, "internal", told(UNFORESEEN, {"reference": reference}), {})


def answer(
    status: int, code: str, message: str, fields: dict[str, str], *, title: str = Error.title
) -> Response:
    """A refusal in the form that the caller reads."""
    message = _sayable(message)
    fields = {_sayable(field): _sayable(text) for field, text in fields.items()}
    if wants_json():
        response = jsonify(_problem(status, code, message, fields))
        response.mimetype = "application/problem+json"
    else:
        page = render_template(
            _error_page(status),
            title=gettext(title),
            message=" ".join([message, *(text for text in fields.values() if text != message)]),
            code=code,
            action=_action(code),
        )
        response = Response(page, mimetype="text/html")
    response.status_code = status
    return response


def problem(error: Error) -> dict[str, Any]:
    """A refusal that is part of a larger answer, in the form it would have had alone."""
    return _problem(error.status, error.code, told(error.message, error.parameters), told_fields(error))


def _problem(status: int, code: str, message: str, fields: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "about:blank", "title": message, "status": status, "code": code}
    return found | ({"errors": fields} if fields else {})


def _action(code: str) -> tuple[str, str]:
    """(address, words) of what somebody can do about a refusal."""
    if code != ForeignCode.code:
        return url_for("shopper.home"), gettext("To the start page")
    stall = str((request.view_args or {}).get("code", "")).partition(".")[0]
    return url_for("shopper.complain", kind="foreign_code", stall=stall), gettext("Tell the market")


def _error_page(status: int) -> str:
    """Whoever works at a desk keeps its navigation."""
    desk = _DESKS.get(request.blueprint or "")
    who = maybe_actor() if desk and status < HTTPStatus.INTERNAL_SERVER_ERROR else None
    return f"{request.blueprint}/error.html" if desk and who and who.role in desk else "error.html"


def wants_json() -> bool:
    if request.path.startswith(("/api/", "/payments/", "/sandbox/", "/log/", "/rpc")):
        return True
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"


def _sayable(text: str) -> str:
    """What a caller sent may be repeated in a refusal, halves of characters too, which UTF-8 has not."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _schema_errors(error: HTTPException) -> dict[str, str]:
    """marshmallow's nested messages as {"lines.0.quantity": "…"}."""
    messages = (getattr(error, "data", None) or {}).get("messages", {})
    flat: dict[str, str] = {}

    def flatten(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                flatten(f"{prefix}.{key}" if prefix else str(key), inner)
        elif isinstance(value, list):
            flat[prefix.removeprefix("json.")] = " ".join(gettext(str(text)) for text in value)

    flatten("", messages)
    return flat
