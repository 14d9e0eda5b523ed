"""Digests of names say whether two processes have the same, as far as that can be compared."""

from ppg_exec.names.name_digests import CODE, VALUE, Digests


def digest(value, letter=VALUE):
    return Digests().like(letter, value)


def large(first):
    return [first, *([number] for number in range(300_001))]


def test_of_a_value_that_is_too_large_the_first_parts_count():
    assert digest(large([1])) == digest(large([1]))
    assert digest(large([1])) != digest(large([2]))


def counter(start):
    calls = start

    def count():
        nonlocal calls
        calls += 1
        return calls

    return count


def scaled(factor):
    def scale(number):
        return number * factor

    return scale


def test_captured_constants_count_unless_the_function_rebinds_them():
    assert digest(scaled(2), CODE) != digest(scaled(3), CODE)
    assert digest(scaled((1, "a")), CODE) != digest(scaled((1, "b")), CODE)
    assert digest(counter(1), CODE) == digest(counter(2), CODE)


def test_captured_values_that_can_change_do_not_count():
    assert digest(scaled([1]), CODE) == digest(scaled([2]), CODE)
