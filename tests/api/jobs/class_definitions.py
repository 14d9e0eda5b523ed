"""Definitions of classes and types, by what they show: a definition, and an expression of it."""

CLASSES = {
    "new types": (
        """
        UserId = NewType("UserId", int)
        def of_user(user: UserId = 3) -> Optional[UserId]:
            return user
        """,
        """
        UserId(5),
        UserId.__name__,
        UserId.__supertype__,
        UserId.__module__,
        of_user.__annotations__["user"] is UserId,
        """,
    ),
    "parameters of types": (
        """
        Item = TypeVar("Item", bound=int)
        Arguments = ParamSpec("Arguments")
        Items = TypeVarTuple("Items")
        """,
        """
        Item,
        Item.__bound__,
        Arguments,
        Arguments.args.__origin__ is Arguments,
        Items,
        Arguments.__module__,
        Items.__module__,
        """,
    ),
    "generic classes and aliases": (
        """
        Element = TypeVar("Element")
        class Box(Generic[Element]):
            def __init__(self, content: Element):
                self.content = content
        OfBoxes = dict[str, list[Element]]
        Taking = Callable[[int, Element], str]
        BoxOfInt = Box[int]
        Short = Annotated[str, "short"]
        Mode = Literal["r", "w"]
        """,
        """
        BoxOfInt(3).content,
        Box.__parameters__ == (Element,),
        OfBoxes[int],
        Taking[int],
        Short,
        Mode,
        """,
    ),
    "classes of typing": (
        """
        class Options(TypedDict, total=False):
            depth: int
        class Sized(Protocol):
            def size(self) -> int: ...
        @runtime_checkable
        class Checkable(Protocol):
            def size(self) -> int: ...
        class One:
            def size(self):
                return 1
        class Point(NamedTuple):
            x: int
            y: int = 2

            def total(self):
                return self.x + self.y
        """,
        """
        Options(depth=1),
        Options.__optional_keys__,
        isinstance(One(), Checkable),
        isinstance(3, Checkable),
        Point(1).total(),
        Point._field_defaults,
        """,
    ),
    "dataclasses": (
        """
        @dataclasses.dataclass
        class Data:
            a: int
            b: dataclasses.InitVar[int] = 3
            _: dataclasses.KW_ONLY
            c: int = dataclasses.field(default_factory=lambda: 9)

            def __post_init__(self, b):
                self.d = b
        @dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
        class Strict:
            a: int
            b: ClassVar[int] = 3
        """,
        """
        Data(1, 2, c=4).d,
        dataclasses.replace(Data(1), b=5).d,
        dataclasses.asdict(Data(1)),
        Strict(a=1),
        [field.default is dataclasses.MISSING for field in dataclasses.fields(Strict)],
        """,
    ),
    "sentinels of modules": (
        """
        def sentinels(first=MISSING, second=NOTHING):
            return [helpers.kinds_of_missing(value) for value in (first, second, MISSING, NOTHING)]
        """,
        "sentinels()",
    ),
    "a sentinel of the script": (
        """
        class Singleton:
            def __reduce__(self):
                return "SINGLETON"
        SINGLETON = Singleton()
        SINGLETON.size = 5
        def is_singleton(value=SINGLETON):
            return value is SINGLETON, value.size
        """,
        "is_singleton()",
    ),
    "nested classes": (
        """
        class Around:
            class Within:
                class Deeper:
                    pass
        """,
        "Around.Within, Around.Within.Deeper.__qualname__",
    ),
    "registers of subclasses": (
        """
        class Plugin:
            registry = []

            def __init_subclass__(cls):
                Plugin.registry.append(cls.__name__)
        class First(Plugin):
            pass
        class Second(Plugin):
            pass
        """,
        "First, Second, Plugin.registry",
    ),
    "keywords of subclasses": (
        """
        class Unit:
            def __init_subclass__(cls, *, unit):
                cls.unit = unit * 2
        class Metre(Unit, unit=3):
            pass
        """,
        "Metre.unit",
    ),
    "metaclasses that count": (
        """
        MADE = []
        class Counting(type):
            def __new__(cls, name, bases, namespace, **keywords):
                MADE.append(name)
                return super().__new__(cls, name, bases, namespace)

            def __init__(cls, name, bases, namespace, **keywords):
                cls.initialised = getattr(cls, "initialised", 0) + 1
        class Counted(metaclass=Counting):
            pass
        class CountedToo(Counted, keyword=3):
            pass
        class OfMetaclass(helpers.Metaclass):
            def __new__(cls, *arguments):
                MADE.append("of a metaclass of a module")
                return super().__new__(cls, *arguments)
        class CountedThere(metaclass=OfMetaclass):
            pass
        """,
        "MADE, Counted.initialised, CountedToo.initialised, CountedThere.initialised_there",
    ),
    "abstract classes with keywords": (
        """
        class Demanding(abc.ABCMeta):
            def __new__(cls, name, bases, namespace, *, needed):
                return super().__new__(cls, name, bases, namespace)
        class Interface(metaclass=Demanding, needed=1):
            @abc.abstractmethod
            def read(self): ...
        class Reader(Interface, needed=2):
            def read(self):
                return 1
        """,
        "Reader().read(), sorted(Interface.__abstractmethods__), issubclass(Reader, Interface)",
    ),
    "caches of what is no function": (
        """
        class Twice:
            def __call__(self, value):
                return value * 2
        cached_partial = functools.lru_cache(functools.partial(max, 3))
        cached_object = functools.lru_cache(Twice(), typed=True)
        """,
        "cached_partial(1), cached_partial(1), cached_partial.cache_info().hits > 0, cached_object(2)",
    ),
}
