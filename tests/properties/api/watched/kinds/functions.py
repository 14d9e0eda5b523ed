"""Functions: definitions of functions of one number, as templates; `values` explains the form."""

__all__ = ["FUNCTIONS"]

FUNCTIONS = """
== function of others | function | NAME(3)
def NAME(x):
    part = <<f>>(x)
    return [part, <<@>>, x <<+|-|*|//|%>> 7]
== lambda | function | NAME(3)
NAME = lambda x: [x <<+|-|*>> <<#>>, <<@>>]
== alias | function | NAME(3)
NAME = <<f>>
== default | function | NAME(3)
def NAME(x, y=<<#>>):
    return x * 100 + y
== default that is a list | function | NAME(3)
def NAME(x, y=[<<#>>, <<#>>]):
    return [x, *y]
== default that is a function | function | NAME(3)
def NAME(x, step=<<f>>):
    return step(x)
== default that is a result | function | NAME(3)
def NAME(x, y=<<@>>):
    return [x, y]
== keyword default | function | NAME(3)
def NAME(x, *, y=<<#>>, z={"a": <<#>>}):
    return [x, y, z]
== nested function | function | NAME(3)
def NAME(x):
    def inner(y, more=<<#>>):
        return [y <<+|->> <<#>>, more, <<@>>]

    return inner(x)
== nested class | function | NAME(3)
def NAME(x):
    class Inner:
        size = <<#>>

        def get(self):
            return [self.size, <<@>>]

    return [x, Inner().get()]
== nested comprehension | function | NAME(3)
def NAME(x):
    return {at: [at + <<#>> for at in range(at)] for at in range(x)}
== generator | function | NAME(3)
def NAME_each(x):
    yield x
    yield from [<<#>>, <<@>>]

def NAME(x):
    return list(NAME_each(x))
== recursion | function | NAME(3)
def NAME(x):
    return <<#>> if x < 1 else [NAME(x - 1)]
== mutual recursion | function | NAME(3)
def NAME_odd(x):
    return <<#>> if x < 1 else ["odd", NAME(x - 1)]

def NAME(x):
    return <<#>> if x < 1 else ["even", NAME_odd(x - 1)]
== later helper | function | NAME(3)
def NAME(x):
    return NAME_later(x)

def NAME_later(x):
    return [x, NAME_limit, <<#>>]

NAME_limit = <<#>>
== exceptions | function | NAME(3)
class NAME_error(ValueError):
    code = <<#>>

def NAME(x):
    try:
        raise NAME_error(x)
    except (NAME_error, KeyError) as error:
        return [error.code, error.args]
== match | function | NAME(3)
def NAME(x):
    match [x, 1]:
        case [3, <<1|2>>]:
            return <<s>>
        case _:
            return <<#>>
== format | function | NAME(3)
def NAME(x):
    return f"{x:0<<2|3>>} {NAME_unit!r}"

NAME_unit = <<s>>
== context manager | function | NAME(3)
@contextlib.contextmanager
def NAME_open(x):
    yield [x, <<#>>]

def NAME(x):
    with NAME_open(x) as opened:
        return opened
== closure | function | NAME(3)
def NAME_make(limit):
    def run(x):
        return [x, limit <<+|->> 1, <<@>>]

    return run

NAME = NAME_make(<<#>>)
== closure of closures | function | NAME(3)
def NAME_make(first):
    table = {"a": [first]}

    def middle(second):
        return lambda x: [x, table, second, <<f>>(x)]

    return middle

NAME = NAME_make(<<#>>)(<<#>>)
== closure over a function | function | NAME(3)
def NAME_make(step):
    return lambda x: [step(x)]

NAME = NAME_make(<<f>>)
== closure made in another way | function | NAME(3)
NAME = [(lambda x, at=at: [x, at, <<#>>]) for at in range(3)][<<0|1|2>>]
== decorated | function | NAME(3)
@<<d>>
def NAME(x):
    return [x, <<#>>]
== decorated twice | function | NAME(3)
@<<d>>
@<<d>>
def NAME(x):
    return [x, <<@>>]
== decorator with arguments | function | NAME(3)
def NAME_times(count):
    def decorate(function):
        @functools.wraps(function)
        def run(x):
            return [function(x)] * count

        return run

    return decorate

@NAME_times(<<2|3|4>>)
def NAME(x):
    return x + <<#>>
== decorator that is a class | function | NAME(3)
class NAME_counted:
    def __init__(self, function):
        self.function = function
        self.extra = <<#>>

    def __call__(self, x):
        return [self.function(x), self.extra, <<@>>]

@NAME_counted
def NAME(x):
    return x + <<#>>
== decorator that is a class and keeps the docstring | function | NAME(3)
class NAME_kept:
    def __init__(self, function):
        functools.update_wrapper(self, function)
        self.__annotations__ = {}

    def __call__(self, x):
        return [self.__wrapped__(x), <<#>>]

@NAME_kept
def NAME(x):
    return x + <<#>>
== decorator that is a class with arguments | function | NAME(3)
class NAME_scaled:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, function):
        def run(x):
            return [self.factor, function(x)]

        return run

@NAME_scaled(<<#>>)
def NAME(x):
    return [x, <<#>>]
== lru_cache | function | NAME(3)
@functools.lru_cache(maxsize=<<None|8>>)
def NAME(x):
    return (x, <<#>>, <<@>>)
== cache of another function | function | NAME(3)
NAME = functools.cache(<<f>>)
== partial | function | NAME(3)
def NAME_of(a, b, x):
    return [a, b, x <<+|->> 1]

NAME = functools.partial(NAME_of, <<#>>, <<#>>)
== partial with keyword | function | NAME(3)
def NAME_of(x, a=1, b=None):
    return [a, b, x]

NAME = functools.partial(NAME_of, b=[<<#>>])
== partial of another function | function | NAME(3)
NAME_inner = functools.partial(<<f>>, <<#>>)
NAME = lambda x=0: NAME_inner()
== singledispatch | function | (NAME(3), NAME("a"))
@functools.singledispatch
def NAME(x):
    return ["any", <<#>>]

@NAME.register(int)
def NAME_int(x):
    return ["int", <<#>>, <<@>>]
== reduce | function | NAME(3)
NAME_sum = functools.reduce(operator.<<add|sub|mul>>, [<<#>>, 2, <<#>>])

def NAME(x):
    return [x, NAME_sum, functools.reduce(lambda a, b: a + b, [x, <<#>>])]
== wraps by hand | function | NAME(3)
def NAME_plain(x):
    return [x, <<#>>]

@functools.wraps(NAME_plain)
def NAME(x):
    return [NAME_plain(x), <<#>>]
== helper in a table of a module | function | NAME(3)
NAME_table = {"a": {"b": [<<f>>, <<@>>]}}

def NAME(x):
    return [NAME_table["a"]["b"][0](x), NAME_table["a"]["b"][1]]
== helper through an object | function | NAME(3)
NAME_all = types.SimpleNamespace(step=<<f>>, kind=<<C>>)

def NAME(x):
    return [NAME_all.step(x), NAME_all.kind(x).get(1)]
== conditional on a constant | function | NAME(3)
NAME_mode = "<<a|b>>"

def NAME(x):
    if NAME_mode == "a":
        return [x, <<f>>(x)]
    return [<<f>>(x), <<#>>]
== walrus and star | function | NAME(3)
def NAME(*args, **kwargs):
    if (first := args[0]) > <<1|2|9>>:
        return [first, *args, kwargs, <<#>>]
    return []
== asynchronous | function | NAME(3)
async def NAME_wait(x):
    return [x, <<#>>, <<@>>]

def NAME(x):
    try:
        NAME_wait(x).send(None)
    except StopIteration as ending:
        return ending.value
== assigned by unpacking | function | NAME(3)
NAME_a, (NAME_b, *NAME_c) = <<#>>, [<<#>>, <<#>>, 3]

def NAME(x):
    return [x, NAME_a, NAME_b, NAME_c]
== names that shadow built-in ones | function | NAME(3)
NAME_len = len
NAME_sum = <<sum|max|min>>

def NAME(x):
    return [NAME_len([x]), NAME_sum([x, 1])]
== table read in a comprehension | function | NAME(3)
NAME_table = [<<#>>, <<#>>, <<#>>]

def NAME(x):
    return [[NAME_table[at] for at in range(2)], {at: NAME_table for at in "a"}]
== match of a class | function | NAME(3)
class NAME_point:
    __match_args__ = <<("a", "b")|("b", "a")>>

    def __init__(self, a, b):
        self.a, self.b = a, b

def NAME(x):
    match NAME_point(x, <<#>>):
        case NAME_point(first, second):
            return [first, second]
== tuple of exceptions | function | NAME(3)
NAME_errors = <<(KeyError, TypeError)|(ValueError, KeyError)>>

def NAME(x):
    try:
        try:
            raise KeyError(x)
        except NAME_errors:
            return "one"
    except Exception:
        return "other"
== tuple of types | function | NAME(3)
NAME_types = <<(int, str)|(str, float)|int>>

def NAME(x):
    return isinstance(x, NAME_types)
== defaults set later | function | NAME(3)
def NAME(x, y=1, *, z=2):
    return [x, y, z]

NAME.__defaults__ = (<<#>>,)
NAME.__kwdefaults__ = {"z": <<#>>}
== item getter | function | NAME(3)
NAME_at = operator.itemgetter(<<0|1|2>>)
NAME = lambda x: NAME_at([3, 4, 5])
== attribute getter | function | NAME(3)
NAME_part = operator.attrgetter("<<real|imag>>")
NAME = lambda x: NAME_part(complex(1, 2))
== method caller | function | NAME(3)
NAME_call = operator.methodcaller("<<upper|title|swapcase>>")

def NAME(x):
    return NAME_call("aB c")
== bound method | function | NAME(3)
class NAME_kind:
    def __init__(self, size):
        self.size = size

    def get(self, x):
        return [x, self.size, <<#>>]

NAME = NAME_kind(<<#>>).get
== bound method of another class | function | NAME(3)
NAME = <<C>>(<<#>>).get
== partial of a bound method | function | NAME(3)
class NAME_kind:
    def __init__(self, size):
        self.size = size

    def get(self, y, x):
        return [x, y, self.size]

NAME = functools.partial(NAME_kind(<<#>>).get, <<#>>)
== partial of an object | function | NAME(3)
def NAME_of(made, x):
    return [made.get(x), x]

NAME = functools.partial(NAME_of, <<C>>(<<#>>))
== methods in a tuple | function | NAME(3)
NAME_all = (<<C>>(<<#>>).get, <<f>>, len)

def NAME(x):
    return [step(x) for step in NAME_all[:2]]
== methods in a dict | function | NAME(3)
NAME_all = {"a": [<<C>>(<<#>>).get], "b": <<f>>}

def NAME(x):
    return NAME_all["a"][0](x)
== objects and functions in a tuple | function | NAME(3)
NAME_all = (<<C>>(<<#>>), [<<#>>], <<f>>)

def NAME(x):
    return [NAME_all[0].get(x), NAME_all[1]]
== cache of a bound method | function | NAME(3)
NAME = functools.lru_cache(<<C>>(<<#>>).get)
== cache of a partial | function | NAME(3)
def NAME_of(a, x):
    return (a, x)

NAME = functools.lru_cache(functools.partial(NAME_of, <<#>>))
== default that is a bound method | function | NAME(3)
def NAME(x, step=<<C>>(<<#>>).get):
    return step(x)
== default that is an object | function | NAME(3)
def NAME(x, made=<<C>>(<<#>>)):
    return made.get(x)
== closure over an object | function | NAME(3)
def NAME_make(made):
    return lambda x: [made.get(x)]

NAME = NAME_make(<<C>>(<<#>>))
== closure over a class method | function | NAME(3)
class NAME_kind:
    size = <<#>>

    @classmethod
    def get(cls, x):
        return [x, cls.size]

def NAME_make(step):
    return lambda x: [step(x)]

NAME = NAME_make(NAME_kind.get)
== class method in a tuple | function | NAME(3)
class NAME_kind:
    size = <<#>>

    @classmethod
    def get(cls, x):
        return [x, cls.size]

NAME_all = (NAME_kind.get, <<f>>)

def NAME(x):
    return [step(x) for step in NAME_all]
== class method | function | NAME(3)
class NAME_kind:
    size = <<#>>

    @classmethod
    def get(cls, x):
        return [x, cls.size, <<#>>]

NAME = NAME_kind.get
== static method | function | NAME(3)
class NAME_kind:
    @staticmethod
    def get(x):
        return [x, <<#>>, <<@>>]

NAME = NAME_kind.get
== method made by hand | function | NAME(3)
def NAME_of(self, x):
    return [self, x, <<#>>]

NAME = types.MethodType(NAME_of, [<<#>>])
== method of a built-in value | function | NAME(3)
NAME = {3: <<#>>, 4: 1}.get
== method of a text | function | NAME(3)
NAME_join = <<s>>.join
NAME = lambda x: NAME_join(["1", "2"])
== callable instance | function | NAME(3)
class NAME_kind:
    def __init__(self, size):
        self.size = size

    def __call__(self, x):
        return [x <<+|->> self.size, <<@>>]

NAME = NAME_kind(<<#>>)
== registry | function | NAME(3)
NAME_all = {}

def NAME_add(function):
    NAME_all[function.__name__] = function
    return function

@NAME_add
def NAME_one(x):
    return x + <<#>>

@NAME_add
def NAME_two(x):
    return [x, <<@>>]

def NAME(x):
    return [NAME_all[name](x) for name in sorted(NAME_all)]
== global changed at import | function | NAME(3)
NAME_state = 0

def NAME_set(value):
    global NAME_state
    NAME_state = value

NAME_set(<<#>>)

def NAME(x):
    return [x, NAME_state]
== function replaced later | function | NAME(3)
def NAME(x):
    return 1

NAME_old = NAME

def NAME(x):
    return [NAME_old(x), <<#>>]
== defined in a branch | function | NAME(3)
if <<True|False>>:
    def NAME(x):
        return [x, <<#>>]
else:
    def NAME(x):
        return [x, x, <<#>>]
== operators | function | NAME(3)
class NAME_kind:
    def __init__(self, value):
        self.value = value

    def __add__(self, other):
        return NAME_kind(self.value <<+|-|*>> other)

def NAME(x):
    return (NAME_kind(<<#>>) + x).value
"""
