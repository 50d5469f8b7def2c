"""Files that are made while they are sent: piece by piece, so that none is ever held whole in memory."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response

from invoice_service.domain.sales_asked import SalesAsked


def streamed_csv(pieces: Iterator[str], code: str, asked: SalesAsked) -> Response:
    response = Response((piece.encode() for piece in pieces), content_type="text/csv; charset=utf-8")
    return _named(response, f"sales-{code}-{asked.first_day}-{asked.last_day}.csv")


def gzipped_csv(name: str, size: int, pieces: Iterator[bytes]) -> Response:
    """With its size, so that whoever downloads it sees when it broke off."""
    response = Response(pieces, mimetype="application/gzip")
    response.content_length = size
    return _named(response, name)


def zipped(name: str, pieces: Iterator[bytes]) -> Response:
    return _named(Response(pieces, mimetype="application/zip"), name)


def pdf(name: str, data: bytes) -> Response:
    return _named(Response(data, mimetype="application/pdf"), name)


def _named(response: Response, name: str) -> Response:
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
