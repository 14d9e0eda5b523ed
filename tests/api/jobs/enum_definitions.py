"""Definitions of enums, by what they show: a definition, and an expression of it."""

ENUMS = {
    "attributes that __init__ sets": (
        """
        class Init(Enum):
            EARTH = (5.97, 6.37)
            MARS = (0.64, 3.39)

            def __init__(self, mass, radius):
                self.mass = mass
                self.radius = radius

            @property
            def ratio(self):
                return self.mass / self.radius
        """,
        "[(m.name, m.value, m.mass, m.ratio) for m in Init], Init((0.64, 3.39)) is Init.MARS",
    ),
    "attributes that __new__ sets": (
        """
        class New(Enum):
            A = ("a", 1)
            B = ("b", 2)

            def __new__(cls, value, extra):
                self = object.__new__(cls)
                self._value_ = value
                self.extra = extra
                return self
        """,
        '[(m.name, m.value, m.extra) for m in New], New("a").extra',
    ),
    "names for the same member": (
        """
        class Alias(Enum):
            A = 1
            B = 2
            C = 1
        """,
        'Alias["C"] is Alias.A is Alias.C, list(Alias.__members__), len(Alias)',
    ),
    "flags and their combinations": (
        """
        class Access(Flag):
            R = auto()
            W = auto()
            X = auto()
            RW = R | W

            def __init__(self, value):
                self.label = f"access {value}"
        Access.R.implied = Access.W | Access.X
        """,
        """
        Access.RW,
        Access.R | Access.X,
        Access.R.label,
        list(Access),
        list(Access.__members__),
        ~Access.R,
        Access.R.implied,
        Access(7),
        """,
    ),
    "a combination as a default value": (
        """
        class Side(Flag):
            LEFT = 1
            RIGHT = 2
            TOP = 4
        def has_default(side=Side.LEFT | Side.TOP):
            return side, side is Side.LEFT | Side.TOP
        """,
        "has_default()",
    ),
    "flags of integers": (
        """
        class Bits(IntFlag):
            R = 4
            W = 2
        """,
        "Bits.R | Bits.W, Bits(6) + 1, Bits(8), list(Bits.__members__)",
    ),
    "the boundary of flags": (
        """
        class Conform(Flag, boundary=CONFORM):
            A = 1
        """,
        "Conform(3), Conform._boundary_",
    ),
    "ignored names": (
        """
        class Ignoring(Enum):
            _ignore_ = ["number"]
            for number in range(3):
                vars()[f"M{number}"] = number
        """,
        'list(Ignoring), hasattr(Ignoring, "number")',
    ),
    "values that are missing": (
        """
        class Missing(Enum):
            A = 1

            @classmethod
            def _missing_(cls, value):
                return cls.A
        """,
        "Missing(77)",
    ),
    "members that are texts": (
        """
        class Text(str, Enum):
            A = ("a", "red")
            B = ("b", "blue")

            def __new__(cls, value, colour):
                self = str.__new__(cls, value)
                self._value_ = value
                self.colour = colour
                return self
        """,
        'Text.A + "x", Text.A.colour, Text("b").colour, f"{Text.A}"',
    ),
    "members that are numbers": (
        """
        class Number(int, Enum):
            A = (1, "red")
            B = (2, "blue")

            def __new__(cls, value, colour):
                self = int.__new__(cls, value)
                self._value_ = value
                self.colour = colour
                return self
        class Level(IntEnum):
            LOW = 1
            HIGH = 2
        class Half(float, Enum):
            A = 0.5
        """,
        "Number.A + 1, Number.A.colour, Number(2).colour, Level.HIGH > Level.LOW, Half.A * 2",
    ),
    "members of other types": (
        """
        class Day(datetime.date, Enum):
            A = 2020, 1, 2
        class Exact(decimal.Decimal, Enum):
            A = "1.5"
        class Pair(tuple, Enum):
            A = (1, 2)
        class Listed(list, Enum):
            A = [1, 2]
        class Mapped(dict, Enum):
            A = {"x": 1}
        """,
        """
        Day.A.isoformat(),
        Day.A.value,
        Exact.A + 1,
        Pair.A[1],
        Pair.A.value,
        Listed.A[1],
        len(Listed.A),
        Mapped.A["x"],
        """,
    ),
    "members that are dataclasses and named tuples": (
        """
        @dataclasses.dataclass(frozen=True)
        class Frozen:
            x: int = 0
        class OfFrozen(Frozen, Enum):
            A = 3
            B = 4
        @dataclasses.dataclass(slots=True)
        class Slotted:
            x: int
        class OfSlotted(Slotted, Enum):
            A = 4
        class Named(NamedTuple):
            a: int
            b: str = "x"

            def doubled(self):
                return 2 * self.a
        class OfNamed(Named, Enum):
            A = (1, "q")
        """,
        """
        OfFrozen.A.x,
        OfFrozen.B.value,
        OfSlotted.A.x,
        OfNamed.A.b,
        OfNamed.A.doubled(),
        OfNamed.A.value,
        """,
    ),
    "attributes in slots": (
        """
        class InSlots(Enum):
            __slots__ = ("size",)
            A = (1,)

            def __init__(self, size):
                self.size = size
        """,
        "InSlots.A.size",
    ),
    "automatic values": (
        """
        class Automatic(Enum):
            def _generate_next_value_(name, start, count, last):
                return name.lower()

            A = auto()
            B = auto()
        class Automatic2(StrEnum):
            ABC = auto()
        """,
        """
        list(Automatic),
        Automatic("a"),
        Automatic._generate_next_value_("X", 1, 1, []),
        Automatic2.ABC,
        """,
    ),
    "values that are functions": (
        """
        class Function(Enum):
            LEAST = functools.partial(min, 1)
            NEXT = member(lambda value: value + 1)

            def __call__(self, *arguments):
                return self.value(*arguments)
        """,
        "Function.LEAST(0), Function.NEXT(3)",
    ),
    "values that are not hashable": (
        """
        class Unhashable(Enum):
            A = [1]
            B = {"k": 2}

            def __init__(self, value):
                self.same = value
        """,
        """
        Unhashable([1]).name,
        Unhashable.B.value["k"],
        Unhashable.B.value is Unhashable.B.same,
        """,
    ),
    "values that are not equal to themselves": (
        """
        class NotANumber(Enum):
            A = float("nan")
            B = 1
        """,
        "NotANumber.A.value != NotANumber.A.value, list(NotANumber.__members__)",
    ),
    "attributes that were set later": (
        """
        class Later(Enum):
            A = 1
            B = 2
        Later.A.note = "set later"
        Later.A.friend = Later.B
        Later.B.friend = Later.A
        Later.extra = 9
        """,
        "Later.A.note, Later.extra, Later.A.friend, Later.B.friend is Later.A",
    ),
    "the order and number of members so far": (
        """
        class Numbered(Enum):
            A = "x"
            B = "y"
            C = "x"

            def __init__(self, value):
                self.number = len(type(self).__members__)
        """,
        "[(m.name, m.number) for m in Numbered]",
    ),
    "what is no member": (
        """
        class Nonmembers(Enum):
            "Its docstring."
            A = 1
            size = nonmember(5)
            __private = 6

            class Inner:
                pass
        """,
        """
        list(Nonmembers),
        Nonmembers.size,
        Nonmembers._Nonmembers__private,
        Nonmembers.__doc__,
        Nonmembers.__module__,
        """,
    ),
    "methods of the enum's own": (
        """
        class Methods(Enum):
            A = 1

            def __str__(self):
                return "S"

            def __repr__(self):
                return "R"

            def __format__(self, spec):
                return "F"

            def __eq__(self, other):
                return self is other

            def __hash__(self):
                return 5

            def __lt__(self, other):
                return True

            def __reduce_ex__(self, protocol):
                return "nowhere"

            @functools.cached_property
            def cached(self):
                return 5
        """,
        """
        str(Methods.A),
        Methods.A,
        f"{Methods.A}",
        {Methods.A: 1}[Methods.A],
        Methods.A < 3,
        Methods.A.cached,
        """,
    ),
    "a metaclass": (
        """
        class Everything(EnumMeta):
            def __contains__(cls, value):
                return True
        class Meta(Enum, metaclass=Everything):
            A = 1
        """,
        "99 in Meta, Meta.A",
    ),
    "an abstract enum": (
        """
        class AbstractMeta(abc.ABCMeta, EnumMeta):
            pass
        class Abstract(Enum, metaclass=AbstractMeta):
            A = 1
        class Other:
            pass
        Abstract.register(Other)
        """,
        """
        isinstance(Abstract.A, Abstract),
        isinstance(Other(), Abstract),
        isinstance(3, Abstract),
        """,
    ),
    "a base of several enums": (
        """
        class Base(Enum):
            def __init_subclass__(cls):
                cls.subclasses = [*getattr(cls, "subclasses", []), cls.__name__]

            def hello(self):
                return "hello " + self.name
        class Mixin:
            @property
            def shown(self):
                return self.name.lower()
        class Derived(Mixin, Base):
            A = 1
        """,
        "Derived.A.hello(), Derived.A.shown, Derived.subclasses",
    ),
    "enums without a name of their own": (
        """
        def make():
            class Inner(Enum):
                A = (1, 2)

                def __init__(self, first, second):
                    self.second = second

            return Inner
        Inner = make()
        class Outer:
            class Nested(Enum):
                A = (1, 2)

                def __init__(self, first, second):
                    self.second = second
        Local = helpers.local_enum()
        """,
        """
        Inner.A.second,
        Inner((1, 2)).name,
        Outer.Nested.A.second,
        Outer.Nested.__qualname__,
        Local.A.second,
        Local,
        """,
    ),
    "an enum that is made by a call": (
        """
        Called = Enum("Called", "A B")
        """,
        "list(Called), Called.A.value, Called.__module__",
    ),
    "members as defaults and captured values": (
        """
        class Captured(Enum):
            A = (1, 2)

            def __init__(self, first, second):
                self.second = second
        def with_member(member):
            return lambda given=member: (given is member is Captured.A, given.second)
        captured = with_member(Captured.A)
        """,
        "captured()",
    ),
    "code of the members that has run": (
        """
        class Process(Enum):
            A = 1

            def __init__(self, value):
                self.process = os.getpid()
        """,
        "Process.A.process",
    ),
}
