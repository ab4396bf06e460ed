"""Luggage by weight."""

LIMIT = 23


def symbol(weight):
    """A basket for what is light, a suitcase for what is over the limit."""
    return "🧺" if weight < LIMIT else "🧳"


def total(weights):
    """The sum of all weights."""
    return sum(weights)
