from __future__ import annotations

from decimal import Decimal

import pytest

from basket import Basket, Line, Voucher, spread, to_cents

D = Decimal
FULL, REDUCED = D("0.19"), D("0.07")


@pytest.fixture
def lines() -> list[Line]:
    return [Line("lamp", D("40.00"), rate=FULL), Line("book", D("15.00"), quantity=4, rate=REDUCED)]


@pytest.mark.parametrize(("amount", "cents"), [("1.004", "1.00"), ("1.005", "1.01"), ("2.675", "2.68"), ("3", "3.00")])
def test_a_cent_is_rounded_half_up(amount: str, cents: str) -> None:
    assert to_cents(D(amount)) == D(cents)


def test_a_line_costs_price_times_quantity() -> None:
    assert Line("nail", D("0.035"), quantity=101).amount == D("3.54")


@pytest.mark.parametrize("fault", [{"quantity": 0}, {"price": D("-1")}, {"rate": D("-0.1")}])
def test_a_line_refuses_nonsense(fault: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="lamp"):
        Line(**{"article": "lamp", "price": D("40.00"), **fault})


@pytest.mark.parametrize(
    ("voucher", "value"),
    [
        (Voucher(), "0.00"),
        (Voucher(percent=D(10)), "5.00"),
        (Voucher(flat=D("7.50")), "7.50"),
        (Voucher(percent=D(10), flat=D("7.50")), "12.50"),
        (Voucher(flat=D("80.00")), "50.00"),
    ],
)
def test_a_voucher_is_worth_at_most_the_basket(voucher: Voucher, value: str) -> None:
    assert voucher.value(D("50.00")) == D(value)


@pytest.mark.parametrize(
    ("amount", "weights", "shares"),
    [
        ("10.00", ["1", "1"], ["5.00", "5.00"]),
        ("10.00", ["1", "1", "1"], ["3.33", "3.34", "3.33"]),
        ("0.01", ["1", "1"], ["0.01", "0.00"]),
        ("9.00", ["1", "0", "2"], ["3.00", "0.00", "6.00"]),
        ("5.00", [], []),
    ],
)
def test_shares_add_up(amount: str, weights: list[str], shares: list[str]) -> None:
    assert spread(D(amount), [D(weight) for weight in weights]) == [D(share) for share in shares]


def test_an_empty_basket_costs_nothing() -> None:
    assert Basket().total == 0
    assert Basket().taxes() == {}


def test_a_free_article_takes_no_share_of_the_voucher() -> None:
    assert Basket([Line("sample", D(0), rate=FULL)], Voucher(flat=D(5))).total == 0
    assert spread(D("0.00"), [D("0.00"), D("0.00")]) == [D("0.00"), D("0.00")]


def test_taxes_without_a_voucher(lines: list[Line]) -> None:
    basket = Basket(lines)
    assert basket.subtotal == D("100.00")
    assert basket.taxes() == {FULL: D("7.60"), REDUCED: D("4.20")}
    assert basket.total == D("111.80")


def test_lines_of_one_rate_are_taxed_together() -> None:
    basket = Basket([Line("pen", D("0.33"), rate=FULL), Line("pad", D("0.33"), rate=FULL)])
    assert basket.taxes() == {FULL: D("0.13")}


def test_untaxed_lines_are_left_out() -> None:
    assert Basket([Line("stamp", D("0.85"))]).taxes() == {}


def test_a_voucher_lowers_the_taxes(lines: list[Line]) -> None:
    basket = Basket(lines, Voucher(percent=D(10)))
    assert basket.discount == D("10.00")
    assert basket.taxes() == {FULL: D("6.84"), REDUCED: D("3.78")}


def test_total_with_a_flat_voucher(lines: list[Line]) -> None:
    assert Basket(lines, Voucher(flat=D("25.00"))).total == D("75.00") + D("5.70") + D("3.15")


def test_a_voucher_for_everything_leaves_no_taxes(lines: list[Line]) -> None:
    basket = Basket(lines, Voucher(flat=D("500.00")))
    assert basket.taxes() == {}
    assert basket.total == 0
