"""The documentation's examples."""

from tests.exec.documented import run_examples


def test_the_examples_of_the_documentation_do_what_they_say() -> None:
    assert run_examples() == 4
