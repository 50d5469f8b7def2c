import pytest

from invoice_service.domain.lifecycle import (
    DISPOSITIONS,
    ORDER_TRANSITIONS,
    ForbiddenTransition,
    OrderStatus,
    step,
)


def test_the_tables_are_complete() -> None:
    assert set(ORDER_TRANSITIONS) == set(OrderStatus)
    assert set(DISPOSITIONS) == set(OrderStatus)


@pytest.mark.parametrize("current", list(OrderStatus))
@pytest.mark.parametrize("wanted", list(OrderStatus))
def test_only_what_the_table_allows(current: OrderStatus, wanted: OrderStatus) -> None:
    if wanted in ORDER_TRANSITIONS[current]:
        assert step(current, wanted) is wanted
    else:
        with pytest.raises(ForbiddenTransition):
            step(current, wanted)


def test_a_finished_order_never_moves_back() -> None:
    assert not any(OrderStatus.OPEN in followers for followers in ORDER_TRANSITIONS.values())
