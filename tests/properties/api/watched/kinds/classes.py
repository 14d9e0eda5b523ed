"""Classes: definitions of classes, as templates; `values` explains the form.

A class is made from one number, and has a method `get` of one number.
"""

__all__ = ["CLASSES"]

CLASSES = """
== class with an object | class | NAME(2).get(3)
class NAME:
    helper = <<C>>(<<#>>)
    step = <<C>>(<<#>>).get

    def __init__(self, size=0):
        self.size = size

    def get(self, x):
        return [self.helper.get(x), self.step(x), self.size]
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
== class with a property of another function | class | (NAME(2).get(3), NAME(2).double)
class NAME:
    double = property(lambda self: [<<f>>(1), <<#>>])

    def __init__(self, size=0):
        self.size = size

    def get(self, x):
        return [self.double, x]
== class with a cached method | class | NAME(2).get(3)
class NAME:
    def __init__(self, size=0):
        self.size = size

    @functools.lru_cache
    def slow(self, x):
        return (self.size, x, <<#>>)

    def get(self, x):
        return [self.slow(x)]
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
"""
