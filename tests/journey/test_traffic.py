"""Simulated shoppers against the real service: what they set out to do arrives, whatever happens to it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.lib.paths import ROOT
from tests.stack import Stack, eventually

SPEED = 100  # at night too, 600 shoppers a minute


class Traffic:
    def __init__(self, stack: Stack) -> None:
        self.log = stack.folder / "traffic.log"
        command = [sys.executable, "-m", "scripts.lib.traffic", "--port", str(stack.web_port)]
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                [*command, "--speed", str(SPEED), "--seed", "1"],
                cwd=ROOT,
                stdout=output,
                stderr=output,
            )

    def end(self) -> str:
        """Its last line, asked to stop as the supervisor asks."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(10) == 0, self.log.read_text()
        return self.log.read_text().splitlines()[-1]


@contextmanager
def traffic(stack: Stack) -> Iterator[Traffic]:
    running = Traffic(stack)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
        running.process.wait()


def count(stack: Stack, table: str) -> int:
    number: int = stack.query(f"SELECT count(*) FROM {table}")  # noqa: S608 - a name of ours
    return number


def test_shoppers_order_pay_and_ask_for_invoices_and_nothing_is_refused(own_stack: Stack) -> None:
    stack = own_stack
    stack.start("sandbox", "web")
    with traffic(stack) as shoppers:
        eventually(lambda: count(stack, "invoices") >= 5, within_s=60)
        said = shoppers.end()
    orders, sales = count(stack, "orders"), count(stack, "sales")
    assert orders > sales >= count(stack, "invoices")
    assert " invoices, " in said
    assert "Stalls to go to: 1\n" in shoppers.log.read_text()
    assert "refused" not in said
    assert "gave up" not in said
    assert stack.query("SELECT count(*) FROM payments WHERE disposition <> 'settles'") == 0
    assert stack.query("SELECT count(DISTINCT amount_fen) FROM orders") > 3
    assert stack.query("SELECT count(*) FROM order_lines WHERE sku IS NULL") > 0
    assert stack.query("SELECT count(*) FROM order_lines WHERE sku IS NOT NULL") > 0


def test_shoppers_wait_for_a_service_that_was_killed_and_nobody_pays_twice(
    own_stack: Stack,
) -> None:
    stack = own_stack
    stack.start("sandbox", "web")
    with traffic(stack) as shoppers:
        eventually(lambda: count(stack, "orders") >= 10, within_s=60)
        stack.kill("web")
        time.sleep(1)  # some of them knock meanwhile
        before = count(stack, "sales")
        stack.start("web")
        eventually(lambda: count(stack, "sales") >= before + 20, within_s=60)
        said = shoppers.end()
    assert "asked again" in said
    assert "refused" not in said
    assert "gave up" not in said
    assert stack.query("SELECT count(*) FROM payments WHERE disposition <> 'settles'") == 0


def test_a_closed_stall_is_left_alone(own_stack: Stack) -> None:
    stack = own_stack
    stack.start("sandbox", "web")
    with stack.database() as database, database.unit_of_work() as uow:
        uow.connection.exec_driver_sql("UPDATE stalls SET is_open = false")
        uow.commit()
    with traffic(stack) as shoppers:
        eventually(lambda: "Stalls to go to: 1" in shoppers.log.read_text())
        time.sleep(2)
        said = shoppers.end()
    assert "× found the stall closed" in said
    assert "refused" not in said
    assert count(stack, "orders") == 0


def test_it_stops_within_a_second_while_the_service_does_not_answer(tmp_path: Path) -> None:
    stack = Stack(tmp_path, "")
    with traffic(stack) as shoppers:
        time.sleep(1.5)  # imports, and the first knocks at a door that nobody opens
        started = time.monotonic()
        assert shoppers.process.poll() is None
        shoppers.end()
        assert time.monotonic() - started < 2  # a second, and one for a busy machine
