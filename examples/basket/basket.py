"""What a shopping basket costs: quantities, vouchers and taxes, exact to the cent.

Prices are net. A voucher is spread over the lines in proportion to what they cost, and each line is then taxed at its
own rate on what remains of it. Amounts are Decimals; a cent is rounded half up, once, where it becomes an amount.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
ZERO = Decimal("0.00")


def to_cents(amount: Decimal) -> Decimal:
    """The amount rounded half up to the cent."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


@dataclass(frozen=True)
class Line:
    """One article, how many of it, its net price and its tax rate (0.19 for 19 %)."""

    article: str
    price: Decimal
    quantity: int = 1
    rate: Decimal = ZERO

    def __post_init__(self) -> None:
        if self.quantity < 1:
            raise ValueError(f"{self.article}: a quantity is at least 1, not {self.quantity}")
        if self.price < 0 or self.rate < 0:
            raise ValueError(f"{self.article}: neither price nor tax rate may be negative")

    @property
    def amount(self) -> Decimal:
        """The net price of the whole line."""
        return to_cents(self.price * self.quantity)


@dataclass(frozen=True)
class Voucher:
    """Takes ``percent`` off the basket, then ``flat``; never more than the basket costs."""

    percent: Decimal = ZERO
    flat: Decimal = ZERO

    def value(self, subtotal: Decimal) -> Decimal:
        """What the voucher is worth for a basket of that price."""
        return min(subtotal, to_cents(subtotal * self.percent / 100) + self.flat)


@dataclass(frozen=True)
class Basket:
    """Lines in the order in which they were added, and at most one voucher."""

    lines: Sequence[Line] = ()
    voucher: Voucher = field(default_factory=Voucher)

    @property
    def subtotal(self) -> Decimal:
        """The net price before the voucher."""
        return sum((line.amount for line in self.lines), ZERO)

    @property
    def discount(self) -> Decimal:
        """What the voucher takes off."""
        return self.voucher.value(self.subtotal)

    def taxes(self) -> dict[Decimal, Decimal]:
        """The tax due at each rate; rates at which nothing is due are left out."""
        taxable: dict[Decimal, Decimal] = {}
        for line, share in zip(self.lines, spread(self.discount, [line.amount for line in self.lines])):
            remaining = line.amount - share
            taxable[line.rate] = taxable.get(line.rate, ZERO) + remaining
        due = {rate: to_cents(net * rate) for rate, net in taxable.items()}
        return {rate: tax for rate, tax in due.items() if tax}

    @property
    def total(self) -> Decimal:
        """What is to be paid."""
        return self.subtotal - self.discount + sum(self.taxes().values(), ZERO)


def spread(amount: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """Cut ``amount`` into shares in proportion to ``weights``, without losing or gaining a cent.

    Each share is what is due up to its place, rounded, less what was handed out before it.
    """
    whole = sum(weights, ZERO)
    shares: list[Decimal] = []
    seen = handed_out = ZERO
    for weight in weights:
        seen += weight
        due = to_cents(amount * weight / whole) if whole else ZERO
        shares.append(due - handed_out)
        handed_out = due
    return shares
