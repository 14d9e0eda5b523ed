"""Objects: definitions of global values that are objects of the project's classes, as templates; `values` explains the form."""

__all__ = ["OBJECTS"]

OBJECTS = """
== enum member | value | NAME.value
class NAME_kind(enum.Enum):
    first = <<#>>
    second = 1000

NAME = NAME_kind.<<first|second>>
== enum with a method | value | (NAME.scaled(2), [one.value for one in type(NAME)])
class NAME_kind(enum.Enum):
    first = <<#>>
    second = 1000

    def scaled(self, x):
        return self.value * x <<+|->> <<#>>

NAME = NAME_kind.first
== enum with other members | value | (NAME.value, NAME.limit, NAME.extra) | module
class NAME_kind(enum.Enum):
    limit = enum.nonmember(<<#>>)
    first = (1, <<#>>)

    def __init__(self, number, extra):
        self.number = number
        self.extra = extra

NAME = NAME_kind.first
== enum that counts itself | value | [one.value for one in NAME]
class NAME(enum.Enum):
    @staticmethod
    def _generate_next_value_(name, start, count, last_values):
        return [name, count * <<#>>]

    first = enum.auto()
    second = enum.auto()
== enum in its order | value | [one.name for one in NAME]
class NAME(enum.Enum):
    <<first = 1; second = 2|second = 2; first = 1>>
== table of a class filled later | value | NAME.table
class NAME:
    table = {}

NAME.table["a"] = <<#>>
NAME.table["b"] = [<<#>>]
== table of steps in order | value | [name + str(step(2)) for name, step in NAME.items()]
def NAME_one(x):
    return x + <<#>>

def NAME_two(x):
    return x * <<#>>

NAME = <<{"two": NAME_two, "one": NAME_one}|{"one": NAME_one, "two": NAME_two}>>
== class with registered classes | value | isinstance(3, NAME)
class NAME(abc.ABC):
    pass

NAME.register(<<int|str>>)
== text enum | value | (str(NAME), NAME.upper())
class NAME_kind(enum.StrEnum):
    first = <<s>>

    def upper(self):
        return self.value * <<2|3>>

NAME = NAME_kind.first
== dataclass with metadata | value | [dict(part.metadata) for part in dataclasses.fields(NAME)]
@dataclasses.dataclass
class NAME:
    size: int = dataclasses.field(default=1, metadata={"unit": <<s>>})
== dataclass with a class variable | value | (NAME.limit, NAME().size)
@dataclasses.dataclass
class NAME:
    limit: typing.ClassVar[dict] = {"a": <<#>>}
    size: int = <<#>>
== dataclass with other attributes | value | (NAME.size, NAME.extra)
@dataclasses.dataclass
class NAME_kind:
    size: int = 1

NAME = NAME_kind()
NAME.extra = [<<#>>]
== deque with attributes | value | (list(NAME), NAME.label)
class NAME_kind(collections.deque):
    pass

NAME = NAME_kind([1])
NAME.label = <<s>>
== ordered dict with attributes | value | (list(NAME), NAME.label) | module
class NAME_kind(collections.OrderedDict):
    pass

NAME = NAME_kind([(1, 2)])
NAME.label = <<s>>
== path with attributes | value | (NAME.name, NAME.label) | module
class NAME_kind(pathlib.PurePosixPath):
    pass

NAME = NAME_kind("a")
NAME.label = <<s>>
== named tuple with attributes | value | (NAME.size, NAME.label) | module
class NAME_kind(collections.namedtuple("NAME_kind", "size")):
    pass

NAME = NAME_kind(1)
NAME.label = <<s>>
== date with attributes | value | (NAME.year, NAME.label) | module
class NAME_kind(datetime.date):
    pass

NAME = NAME_kind(2020, 1, 1)
NAME.label = <<s>>
== enum member with an attribute | value | (NAME.value, NAME.label) | module
class NAME_kind(enum.Enum):
    first = 1

NAME = NAME_kind.first
NAME.label = <<s>>
== namespace with a method | value | (NAME.a, NAME.get())
class NAME_kind(types.SimpleNamespace):
    def get(self):
        return [self.a, <<#>>]

NAME = NAME_kind(a=<<#>>)
== exception with notes | value | NAME.__notes__
NAME = ValueError("a")
NAME.add_note(<<s>>)
== mapping proxy of a class | value | vars(NAME)["limit"]
class NAME:
    limit = [<<#>>]
== subclass of an installed class | value | (NAME.level, NAME.get("x"))
class NAME_kind(string.Formatter):
    def __init__(self, level):
        self.level = level

    def get(self, x):
        return [x, self.level + <<#>>]

NAME = NAME_kind(<<#>>)
== weak reference to an object | value | NAME["made"].size | module
class NAME_kind:
    def __init__(self):
        self.size = <<#>>
        self.cache = weakref.WeakValueDictionary()

NAME = {"made": NAME_kind()}
== object with a lock | value | NAME.size | module
class NAME_kind:
    def __init__(self):
        self.size = <<#>>
        self.lock = threading.Lock()

NAME = NAME_kind()
== object with a logger | value | (NAME.size, NAME.get())
class NAME_kind:
    log = logging.getLogger("NAME")

    def __init__(self):
        self.size = <<#>>
        self.own_log = logging.getLogger("NAME")

    def get(self):
        return [self.size, <<#>>]

NAME = NAME_kind()
== frozen dataclass | value | (NAME.size, NAME.label, NAME.area())
@dataclasses.dataclass(frozen=True)
class NAME_kind:
    size: int
    label: str = <<s>>

    def area(self):
        return self.size * <<#>>

NAME = NAME_kind(<<#>>)
== dataclass with factory | value | (NAME.sizes, NAME.label)
def NAME_sizes():
    return [<<#>>, <<#>>]

@dataclasses.dataclass
class NAME_kind:
    sizes: list = dataclasses.field(default_factory=NAME_sizes)
    label: str = <<s>>

NAME = NAME_kind()
== dataclass with slots | value | (NAME.size, NAME.twice())
@dataclasses.dataclass(slots=True)
class NAME_kind:
    size: int = <<#>>

    def twice(self):
        return self.size * 2 + <<#>>

NAME = NAME_kind()
== named tuple class | value | (NAME.size, NAME.label, NAME.shout())
class NAME_kind(typing.NamedTuple):
    size: int
    label: str = <<s>>

    def shout(self):
        return self.label * <<2|3>>

NAME = NAME_kind(<<#>>)
== make_dataclass | value | (NAME.a, NAME.b)
NAME_kind = dataclasses.make_dataclass("NAME_kind", [("a", int), ("b", int, <<#>>)])
NAME = NAME_kind(<<#>>)
== tuple of classes | value | [kind(2).get(3) for kind in NAME]
NAME = (<<C>>, <<C>>)
== dict of classes | value | {name: kind(1).get(2) for name, kind in NAME.items()}
NAME = {"a": <<C>>, "b": <<C>>}
== dict subclass | value | (NAME["a"], NAME["zz"])
class NAME_kind(dict):
    def __missing__(self, key):
        return key * <<2|3>>

NAME = NAME_kind(a=<<#>>)
== list subclass | value | (list(NAME), NAME.label, NAME.total())
class NAME_kind(list):
    def total(self):
        return sum(self) + <<#>>

NAME = NAME_kind([<<#>>])
NAME.label = <<s>>
== int subclass | value | (int(NAME), NAME.more())
class NAME_kind(int):
    def more(self):
        return self + <<#>>

NAME = NAME_kind(<<#>>)
== str subclass | value | (str(NAME), NAME.more())
class NAME_kind(str):
    def more(self):
        return self + <<s>>

NAME = NAME_kind(<<s>>)
== tuple subclass | value | (tuple(NAME), NAME.more())
class NAME_kind(tuple):
    def more(self):
        return self + (<<#>>,)

NAME = NAME_kind([<<#>>])
== instance | value | (NAME.get(2), NAME.size, NAME.limit)
class NAME_kind:
    limit = <<#>>

    def __init__(self, size):
        self.size = size

    def get(self, x):
        return [x, self.size <<+|-|*>> <<#>>, <<@>>]

NAME = NAME_kind(<<#>>)
== instance of another class | value | NAME.get(3)
NAME = <<C>>(<<#>>)
== instance with slots | value | (NAME.a, NAME.b)
class NAME_kind:
    __slots__ = ("a", "b")

    def __init__(self):
        self.a, self.b = <<#>>, [<<#>>]

NAME = NAME_kind()
== instance in an instance | value | NAME.inner.get(2)
class NAME_kind:
    def __init__(self, inner):
        self.inner = inner

NAME = NAME_kind(<<C>>(<<#>>))
== instance with a function | value | NAME.step(4)
class NAME_kind:
    pass

NAME = NAME_kind()
NAME.step = <<f>>
== instance that computes attributes | value | (NAME.anything, NAME.known)
class NAME_kind:
    known = <<s>>

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return name * <<2|3>>

NAME = NAME_kind()
== instance that pickle shortens | value | (NAME.kept, NAME.dropped)
class NAME_kind:
    def __init__(self):
        self.kept, self.dropped = <<#>>, <<#>>

    def __reduce__(self):
        return (NAME_kind, ())

NAME = NAME_kind()
== instance without state for pickle | value | (NAME.kept, NAME.dropped) | module
class NAME_kind:
    def __init__(self):
        self.kept, self.dropped = 1, <<#>>

    def __getstate__(self):
        return {"kept": self.kept}

NAME = NAME_kind()
== instance compared by another part | value | (NAME.key, NAME.other)
class NAME_kind:
    def __init__(self):
        self.key, self.other = 1, <<#>>

    def __eq__(self, other):
        return self.key == other.key

    def __hash__(self):
        return hash(self.key)

NAME = NAME_kind()
== instance in a cycle | value | NAME.child.parent.size
class NAME_kind:
    pass

NAME = NAME_kind()
NAME.size = <<#>>
NAME.child = NAME_kind()
NAME.child.parent = NAME
== exception | value | (NAME.args, str(NAME))
class NAME_kind(Exception):
    def __str__(self):
        return <<s>>

NAME = NAME_kind(<<#>>)
== attribute set on a class | value | NAME().limit
class NAME:
    limit = 1

NAME.limit = <<#>>
== function set on a class | value | NAME().get(3)
class NAME:
    pass

NAME.get = lambda self, x: x <<+|-|*>> <<#>>
== two names for one object | value | NAME
NAME_other = [<<#>>]
NAME = NAME_other
"""
