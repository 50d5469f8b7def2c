"""Reading a request's JSON: what is not JSON is refused, whatever way it is not.

webargs alone would take a body of another content type for an empty one, and lets through what
Python's reader gives up on: nesting without end, numbers of thousands of digits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from flask import Request
from webargs.core import missing
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from invoice_service.domain import header_code
from invoice_service.domain.party import BadBuyer, Buyer, make_buyer

IDEMPOTENCY = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "maxLength": 200},
    "description": "Send the same key again and get the same answer; with other content it is 409.",
}
"""The header, for a view's `doc(parameters=[…])`."""


class JsonParser(FlaskParser):
    """For the schemas of a blueprint: an empty body is an empty object, any other must be JSON."""

    def _raw_load_json(self, req: Request) -> Any:
        if not req.get_data(cache=True):
            return missing
        if not req.is_json:
            raise UnsupportedMediaType
        return read_json(req)


def read_json(request: Request) -> Any:
    """Raises BadRequest."""
    try:
        return json.loads(request.get_data(cache=True).decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise BadRequest from None


def read_buyer(header: Mapping[str, Any]) -> Buyer:
    """Raises BadBuyer, with the names that the fields have in the request."""
    try:
        if header["header_code"] is not None:
            return header_code.read(header["header_code"])
        return make_buyer(header["kind"], header["name"], header["tax_id"])
    except BadBuyer as error:
        raise BadBuyer({f"buyer.{field}": text for field, text in error.fields.items()}) from None


def _refuse(constant: str) -> NoReturn:
    """NaN and Infinity are Python's, not JSON's."""
    raise ValueError(constant)
