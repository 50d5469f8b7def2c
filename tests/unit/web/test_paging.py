"""Threat 6: cursors and limits that somebody made up."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoice_service.web.paging import (
    BadCursor,
    BadLimit,
    read_cursor,
    read_id_cursor,
    read_limit,
    read_time_cursor,
    write_cursor,
)


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")


@given(st.lists(st.text(st.characters(categories=["L", "N", "P"]), max_size=20), min_size=1, max_size=3))
def test_a_cursor_says_what_it_was_made_of(key: list[str]) -> None:
    assert read_cursor(write_cursor(key), parts=len(key)) == tuple(key)


def test_no_cursor_is_the_beginning() -> None:
    assert write_cursor(None) is None
    assert read_cursor(None, parts=1) is None
    assert read_id_cursor("") is None


@given(st.text(min_size=1))
def test_no_text_breaks_it(text: str) -> None:
    for read in (read_id_cursor, read_time_cursor):
        with suppress(BadCursor):
            read(text)


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "!!!!",
        "null",
        encoded(["a", "b"]),
        encoded("a"),
        encoded([1]),
        encoded(["\x00"]),
        encoded([["a"]]),
        encoded(["a"]) + "=",
        encoded(["a" * 1_000]),
        base64.urlsafe_b64encode(b'[ "a" ]').decode(),
        base64.urlsafe_b64encode(b"[" * 400).decode(),
        "é",
    ],
)
def test_hostile_cursors_are_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        read_cursor(text, parts=1)


@pytest.mark.parametrize(
    "key", [["1; DROP TABLE orders"], ["00000000-0000-0000-0000-00000000000g"], ["\u202e"]]
)
def test_only_ids_are_ids(key: list[str]) -> None:
    with pytest.raises(BadCursor):
        read_id_cursor(encoded(key))


@pytest.mark.parametrize("key", [["yesterday", "1"], ["0001-01-01T00:00:00+14:00", "1"], ["2026-01-01"]])
def test_only_times_are_times(key: list[str]) -> None:
    with pytest.raises(BadCursor):
        read_time_cursor(encoded(key))


def test_an_id_comes_back() -> None:
    one = UUID("019ab000-0000-7000-8000-000000000001")
    assert read_id_cursor(write_cursor([str(one)])) == one


@pytest.mark.parametrize("text", ["0", "101", "-1", "1e1", "٣", "99999999999", "1;", " 5"])
def test_a_page_has_one_to_a_hundred_rows(text: str) -> None:
    with pytest.raises(BadLimit):
        read_limit(text)


def test_limits_that_are_taken() -> None:
    assert (read_limit(None), read_limit("1"), read_limit("100")) == (30, 1, 100)
