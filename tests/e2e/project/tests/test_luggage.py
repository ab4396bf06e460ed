import luggage


def test_light():
    assert luggage.symbol(10) == "🧺"


def test_exactly_the_limit_is_light():
    assert luggage.symbol(23) == "🧺"


def test_heavy():
    assert luggage.symbol(30) == "🧳"


def test_total():
    assert luggage.total([1, 2]) == 3
