"""What functions reach is encoded once for all of them, and its fingerprint does not depend on the order of questions."""

import pytest

from ppg_invariants import Follow, evidence_of, explain_function, fingerprint_function
from ppg_invariants.functions import components, references
from tests.invariants.hash_seeds import printed_under_hash_seeds

CYCLE = """
def a(x):
    return b(x) + {a}
def b(x):
    return c(x) + {b}
def c(x):
    return a(x) + helper(x)
def helper(x):
    return x
def f(x):
    return a(x)
def g(x):
    return b(x)
"""


def followed(function, follow=None):
    return fingerprint_function(function, follow=follow or Follow())


def test_work_grows_with_functions_and_items_not_with_their_product(scripts, monkeypatch):
    """1,600 functions into a chain of 2,000 encoded 3,200,000 items before."""

    def work_of(callers, length):
        text = "".join(f"def h{n}(x):\n    return h{n + 1}(x)\n" for n in range(length))
        text += f"def h{length}(x):\n    return x\n"
        text += "".join(f"def f{n}(x):\n    return h{n % 7}(x), {n}\n" for n in range(callers))
        module = scripts.module(text)
        follow, encoded, hashed = Follow(), [], []
        encode, digest = references.encode_item, components.xxhash.xxh3_128_digest
        monkeypatch.setattr(references, "encode_item", lambda value: encoded.append(1) or encode(value))
        monkeypatch.setattr(
            components.xxhash, "xxh3_128_digest", lambda data: hashed.append(len(data)) or digest(data)
        )
        for n in range(callers):
            assert followed(getattr(module, f"f{n}"), follow).bytecode
        monkeypatch.undo()
        return len(encoded), len(hashed), sum(hashed)

    (encoded, hashes, size), (encoded_2, hashes_2, size_2) = work_of(40, 50), work_of(80, 100)
    assert (encoded, encoded_2) == (51, 101)
    assert hashes_2 < 2.2 * hashes
    assert size_2 < 2.4 * size


@pytest.mark.parametrize("count", [20_000, pytest.param(100_000, marks=pytest.mark.nightly)])
def test_a_chain_of_very_many_functions_is_followed(scripts, count):
    names = {}
    exec(compile("def h(x):\n    return nxt(x)\n", "<chain>", "exec"), names)
    code = names["h"].__code__
    step = type(names["h"])
    following = step(code, {"nxt": len})
    for _ in range(count):
        following = step(code, {"nxt": following})
    other = step(code, {"nxt": following})
    assert followed(following).bytecode != followed(other).bytecode


def test_a_chain_of_values_with_functions_is_followed(scripts):
    text = "".join(f"def h{n}(x):\n    return V{n + 1}[0](x)\nV{n} = [h{n}]\n" for n in range(3000))
    text += "V3000 = [{}]\ndef f(x):\n    return V0\n"
    one, again, other = (followed(scripts.function(text.format(n))) for n in (1, 1, 2))
    assert one == again
    assert one != other


@pytest.mark.parametrize("first", ["f", "g"])
def test_a_function_in_a_circle_has_one_fingerprint_whichever_is_asked_first(scripts, first):
    one, again = scripts.module(CYCLE.format(a=1, b=2)), scripts.module(CYCLE.format(a=1, b=2))
    follow = Follow()
    followed(getattr(one, first), follow)
    assert followed(one.f, follow) == followed(again.f)
    assert followed(one.g, follow) == followed(again.g)
    assert followed(one.f) != followed(one.g)


def test_an_edit_in_a_circle_counts_for_all_that_lead_into_it(scripts):
    one, other = scripts.module(CYCLE.format(a=1, b=2)), scripts.module(CYCLE.format(a=1, b=3))
    assert followed(one.f) != followed(other.f)
    assert followed(one.g) != followed(other.g)


def circle(scripts, numbers, start=0):
    """Functions of equal text in modules that lead to each other in a circle; only the numbers tell them apart."""
    text = "NUMBER = {}\ndef step(x):\n    return following(x) + NUMBER\n"
    modules = [scripts.module(text.format(number)) for number in numbers]
    for module, following in zip(modules, modules[1:] + modules[:1], strict=True):
        module.following = following.step
    return modules[start].step


def test_functions_of_equal_text_in_a_circle_differ_by_where_they_lead(scripts):
    assert followed(circle(scripts, [1, 1, 1, 2])) == followed(circle(scripts, [1, 1, 1, 2]))
    assert followed(circle(scripts, [1, 1, 1, 2])) == followed(circle(scripts, [2, 1, 1, 1], start=1))
    assert followed(circle(scripts, [1, 1, 1, 2])) != followed(circle(scripts, [1, 1, 1, 2], start=1))
    assert followed(circle(scripts, [1, 1, 2, 2])) != followed(circle(scripts, [1, 2, 1, 2]))
    assert followed(circle(scripts, [1, 1])) == followed(circle(scripts, [1, 1], start=1))


def test_two_names_for_one_object_differ_from_two_equal_objects(scripts):
    shared, apart = "A = []\nB = A\n", "A = []\nB = []\n"
    use = "def f(x):\n    A.append(x)\n    return B\n"
    assert followed(scripts.function(shared + use)) != followed(scripts.function(apart + use))


def test_fingerprints_do_not_depend_on_the_hash_seed(tmp_path):
    (tmp_path / "circle.py").write_text(CYCLE.format(a=1, b=2))
    script = (
        "import circle\nfrom ppg_invariants import Follow, fingerprint_function\n"
        "print(fingerprint_function(circle.f, follow=Follow()).bytecode.hex())"
    )
    found = printed_under_hash_seeds(script, tmp_path)
    assert len(found) == 1


def test_the_helper_that_changed_is_named_at_any_distance_and_in_circles(scripts):
    def explained(**changes):
        first, second = (
            evidence_of(followed(scripts.module(CYCLE.format(**{"a": 1, "b": 2, **change})).f))
            for change in ({}, changes)
        )
        return explain_function(first, second)

    for helper, names in {"a": ["a"], "b": ["b"]}.items():
        changes = explained(**{helper: 7})
        assert [change.name for change in changes] == names
        assert f"return {'b' if helper == 'a' else 'c'}(x) + 7" in changes[0].diff


def test_the_end_of_a_chain_that_changed_is_named_for_each_function_that_reaches_it(scripts):
    def module(number):
        text = "".join(f"def h{n}(x):\n    return h{n + 1}(x)\n" for n in range(300))
        text += f"def h300(x):\n    return {number}\n"
        return scripts.module(text + "def f(x):\n    return h0(x)\ndef g(x):\n    return h9(x)\n")

    one, other = module(1), module(2)
    for name in ("f", "g", "f"):
        (change,) = explain_function(*(evidence_of(followed(getattr(part, name))) for part in (one, other)))
        assert (change.path, change.name) == ("function → refers to 'h300'", "h300")
