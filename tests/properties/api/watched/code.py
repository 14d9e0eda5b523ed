"""Code: definitions of functions, classes, decorators and callbacks, as templates; `values` explains the form.

A function is called with one number. A class is made from one number, and has a method `get` of one number. A decorator
takes a function of one number. `<<I>>` imports what `<<L>>` reads, inside the function. The part `-- script` stands in
the script.
"""

__all__ = ["BASICS", "CALLBACKS", "CODE", "OTHER_WAYS"]

BASICS = """
== function | function | NAME(3)
def NAME(x):
    return x <<+|-|*>> <<#>>
== class | class | NAME(2).get(3)
class NAME:
    def __init__(self, size=0):
        self.size = size

    def get(self, x):
        return (self.size, x <<+|-|*>> <<#>>)
== decorator | decorator | NAME(abs)(-4)
def NAME(function):
    def run(x):
        return (<<#>>, function(x))

    return run
"""

CODE = """
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
== class with an object | class | NAME(2).get(3)
class NAME:
    helper = <<C>>(<<#>>)
    step = <<C>>(<<#>>).get

    def __init__(self, size=0):
        self.size = size

    def get(self, x):
        return [self.helper.get(x), self.step(x), self.size]
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
== class that inherits | class | NAME(2).get(3)
class NAME(<<C>>):
    extra = <<#>>

    def more(self, x):
        return [self.extra, x]
== class that overrides | class | NAME(2).get(3)
class NAME(<<C>>):
    def get(self, x):
        return [super().get(x), <<#>>]
== class with a property | class | (NAME(2).get(3), NAME(2).double)
class NAME:
    def __init__(self, size=0):
        self.size = size

    @property
    def double(self):
        return self.size * <<2|3>>

    def get(self, x):
        return [self.double, x, <<@>>]
== class with class and static methods | class | NAME(2).get(3)
class NAME:
    limit = <<#>>

    def __init__(self, size=0):
        self.size = size

    @classmethod
    def of_class(cls, x):
        return [cls.limit, x, <<#>>]

    @staticmethod
    def of_nothing(x):
        return [x, <<#>>]

    def get(self, x):
        return [self.size, self.of_class(x), self.of_nothing(x)]
== class with a descriptor | class | NAME(2).get(3)
class NAME_field:
    def __init__(self, value):
        self.value = value

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, instance, owner):
        return [self.name, self.value, <<#>>]

class NAME:
    field = NAME_field(<<#>>)

    def __init__(self, size=0):
        self.size = size

    def get(self, x):
        return [self.field, self.size, x]
== class with cached_property | class | NAME(2).get(3)
class NAME:
    def __init__(self, size=0):
        self.size = size

    @functools.cached_property
    def table(self):
        return [self.size, <<#>>, <<@>>]

    def get(self, x):
        return [x, self.table]
== class with partialmethod | class | NAME(2).get(3)
class NAME:
    def __init__(self, size=0):
        self.size = size

    def both(self, y, x):
        return [self.size, y, x, <<#>>]

    get = functools.partialmethod(both, <<#>>)
== class with a method of a function | class | NAME(2).get(3)
def NAME_get(self, x):
    return [self.size, x, <<#>>]

class NAME:
    def __init__(self, size=0):
        self.size = size

    get = NAME_get
== class with a decorated method | class | NAME(2).get(3)
def NAME_marked(method):
    @functools.wraps(method)
    def run(self, x):
        return [<<#>>, method(self, x)]

    return run

class NAME:
    def __init__(self, size=0):
        self.size = size

    @NAME_marked
    def get(self, x):
        return [self.size, x, <<#>>]
== class with singledispatchmethod | class | NAME(2).get(3)
class NAME:
    def __init__(self, size=0):
        self.size = size

    @functools.singledispatchmethod
    def get(self, x):
        return ["any", <<#>>]

    @get.register(int)
    def _get_int(self, x):
        return ["int", self.size, <<#>>]
== class with a metaclass | class | (NAME(2).get(3), NAME.shared)
class NAME_meta(type):
    @property
    def shared(cls):
        return <<#>>

    def __new__(meta, name, bases, members):
        return super().__new__(meta, name, bases, {**members, "added": <<#>>})

class NAME(metaclass=NAME_meta):
    def __init__(self, size=0):
        self.size = size

    def get(self, x):
        return [self.size, x, self.added]
== class that registers its subclasses | class | NAME(2).get(3)
class NAME_base:
    def __init_subclass__(cls, weight=0):
        cls.weight = weight + <<#>>

class NAME(NAME_base, weight=<<#>>):
    def __init__(self, size=0):
        self.size = size

    def get(self, x):
        return [self.size, x, self.weight]
== class of two parents | class | NAME(2).get(3)
class NAME_first:
    def part(self):
        return <<#>>

class NAME_second:
    def part(self):
        return <<#>>

    def other(self):
        return <<#>>

class NAME(<<NAME_first, NAME_second|NAME_second, NAME_first>>):
    def __init__(self, size=0):
        self.size = size

    def get(self, x):
        return [self.size, x, self.part(), self.other()]
== class with methods that come and go | class | NAME(2).get(3)
class NAME_parent:
    def part(self):
        return <<#>>

class NAME(NAME_parent):
    def __init__(self, size=0):
        self.size = size
<<
    def part(self):
        return "own"
|
    def unused(self):
        return "unused"
|>>
    def get(self, x):
        return [self.size, x, self.part()]
== abstract class | class | NAME(2).get(3)
class NAME_base(abc.ABC):
    @abc.abstractmethod
    def part(self):
        ...

    def get(self, x):
        return [self.part(), x, <<#>>]

class NAME(NAME_base):
    def __init__(self, size=0):
        self.size = size

    def part(self):
        return [self.size, <<#>>]
== dataclass with methods | class | NAME(2).get(3)
@dataclasses.dataclass<<|(frozen=True)|(order=True)>>
class NAME:
    size: int = 0
    label: str = <<s>>

    def get(self, x):
        return [self.size, self.label, x, <<#>>]
== dataclass with post init | class | NAME(2).get(3)
@dataclasses.dataclass
class NAME:
    size: int = 0

    def __post_init__(self):
        self.more = self.size + <<#>>

    def get(self, x):
        return [self.more, x, <<@>>]
== class of a call | class | NAME(2).get(3)
NAME = type("NAME", (), {"__init__": lambda self, size=0: None, "get": lambda self, x: [x, <<#>>]})
== class with items | class | NAME(2).get(3)
class NAME:
    table = {"a": <<#>>, "b": [<<#>>]}

    def __init__(self, size=0):
        self.size = size

    def __getitem__(self, key):
        return [self.table[key], <<#>>]

    def __iter__(self):
        return iter([self["a"], self.size])

    def get(self, x):
        return [*self, x]
== generic class | class | NAME(2).get(3)
NAME_T = typing.TypeVar("NAME_T")

class NAME(typing.Generic[NAME_T]):
    def __init__(self, size=0):
        self.size = size

    def get(self, x):
        return [self.size, x, <<#>>]
== class in a class | class | NAME(2).get(3)
class NAME:
    class Inner:
        size = <<#>>

        def get(self):
            return [self.size, <<@>>]

    def __init__(self, size=0):
        self.size = size

    def get(self, x):
        return [self.Inner().get(), x, self.size]
== class with a settable property | class | NAME(2).get(3)
class NAME:
    def __init__(self, size=0):
        self.double = size

    @property
    def double(self):
        return self._double

    @double.setter
    def double(self, value):
        self._double = value * <<2|3>> + <<#>>

    def get(self, x):
        return [self.double, x]
== class with a method of a module | class | NAME(2).get(3)
class NAME:
    def __init__(self, size=0):
        self.size = size

    def get(self, x):
        return [self.size, type(self)._part(x)]

    _part = staticmethod(<<f>>)
== class with a table of methods | class | NAME(2).get(3)
class NAME:
    def __init__(self, size=0):
        self.size = size

    def _one(self, x):
        return [self.size, <<#>>]

    def _two(self, x):
        return [x, <<#>>]

    table = {"one": _one, "two": _two}

    def get(self, x):
        return self.table["<<one|two>>"](self, x)
== class with a lambda in a tuple | class | NAME(2).get(3)
class NAME:
    steps = (lambda x: x + <<#>>, <<f>>)

    def __init__(self, size=0):
        self.size = size

    def get(self, x):
        return [step(x) for step in self.steps]
== class with a subscript | class | NAME(2).get(3)
class NAME:
    def __class_getitem__(cls, item):
        return [item, <<#>>]

    def __init__(self, size=0):
        self.size = size

    def get(self, x):
        return [self.size, NAME[x]]
== class that makes its instances | class | NAME(2).get(3)
class NAME:
    def __new__(cls, size=0):
        made = super().__new__(cls)
        made.more = size + <<#>>
        return made

    def __init__(self, size=0):
        self.size = size

    def get(self, x):
        return [self.size, self.more, x]
== class with attributes on demand | class | NAME(2).get(3)
class NAME:
    def __init__(self, size=0):
        self.size = size

    def __getattribute__(self, name):
        if name == "magic":
            return [<<#>>, <<@>>]
        return super().__getattribute__(name)

    def get(self, x):
        return [self.magic, self.size, x]
== class with typed fields | class | NAME(2).get(3)
class NAME:
    kinds: typing.ClassVar = {"a": <<int|str|bytes>>}

    def __init__(self, size=0):
        self.size = size

    def get(self, x):
        return [self.kinds["a"].__name__, self.size, x]
== decorated class | class | NAME(2).get(3)
def NAME_change(kind):
    kind.extra = <<#>>
    return kind

@NAME_change
class NAME:
    def __init__(self, size=0):
        self.size = size

    def get(self, x):
        return [self.size, x, self.extra]
== total ordering | class | NAME(2).get(3)
@functools.total_ordering
class NAME:
    def __init__(self, size=0):
        self.size = size

    def __eq__(self, other):
        return self.size == other

    def __lt__(self, other):
        return operator.<<lt|gt>>(self.size, other)

    def get(self, x):
        return [self >= x, self <= x, x]
== decorator with wraps | decorator | NAME(abs)(-4)
def NAME(function):
    @functools.wraps(function)
    def run(*args, **kwargs):
        return [<<#>>, function(*args, **kwargs), <<@>>]

    return run
== decorator that counts in a list | decorator | NAME(abs)(-4)
def NAME(function):
    marks = [<<#>>]

    def run(x):
        return [marks, function(x)]

    return run
== decorator class | decorator | NAME(abs)(-4)
class NAME:
    mark = <<#>>

    def __init__(self, function):
        self.function = function

    def __call__(self, x):
        return [self.mark, self.function(x)]
== decorator that replaces | decorator | NAME(abs)(-4)
def NAME(function):
    return <<f>>
"""

CALLBACKS = """
== callback | callback | NAME
def NAME(path):
    path.write_text(repr([<<@>>, <<@>>]))
== callback of one | callback | NAME
def NAME(path):
    path.write_text(repr(<<@>>))
== lambda callback | callback | NAME
NAME = lambda path: path.write_text(repr([<<@>>, <<@>>]))
== callback with a helper | callback | NAME
def NAME_text(value):
    return <<repr|str>>([value, <<@>>])

def NAME(path):
    path.write_text(NAME_text(<<@>>))
== closure callback | callback | NAME(<<@>>)
def NAME(value):
    def write(path):
        path.write_text(repr([value, <<@>>]))

    return write
== partial callback | callback | functools.partial(NAME, value=[1, <<#>>])
def NAME(path, value):
    path.write_text(repr([value, <<@>>]))
== callback with a default | callback | NAME
def NAME(path, value=<<@>>):
    path.write_text(repr([value, <<@>>]))
== callable object as callback | callback | NAME
class NAME_writer:
    def __call__(self, path):
        path.write_text(self.text())

    def text(self):
        return repr([<<@>>, <<#>>])

NAME = NAME_writer()
== decorated callback | callback | NAME
def NAME_adding(function):
    @functools.wraps(function)
    def run(path):
        function(path)
        path.write_text(path.read_text() + repr(<<@>>))

    return run

@NAME_adding
def NAME(path):
    path.write_text(repr([<<@>>, <<@>>]))
"""

OTHER_WAYS = """
== imported in a function | function | NAME(3) | inner import
def NAME(x):
    <<I>>
    return [x, <<L>>]
== computed by the module | value | NAME | module elsewhere module getattr
def __getattr__(name, before=globals().get("__getattr__")):
    if name == "NAME":
        return [<<#>>, <<@>>]
    if before is not None:
        return before(name)
    raise AttributeError(name)
== attribute of a function | function | NAME(3) | function attribute
def NAME(x):
    return [x, NAME.limit]

NAME.limit = <<#>>
== class that reads its annotations | value | {key: kind.__name__ for key, kind in NAME.__annotations__.items()} | annotations
class NAME:
    size: <<int|str|bytes>> = 1
== set by the script | value | NAME | module set by script
NAME = 1
-- script
NAME = <<#>>
"""
