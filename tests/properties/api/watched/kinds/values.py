"""Values: definitions of global values, as templates.

Each begins with `== kind | sort | expression that reads it | places`, and may end with files (`-- file`). The places are
`module` for what cannot stand in the script, and `elsewhere` for what only other modules can read. In a template, `NAME`
is the name, and `<<…>>` is a spot that an edit can change:

- `<<#>>` a number, `<<s>>` a text with its quotes, `<<w>>` a word without quotes, `<<a|b|c>>` one of these;
- `<<@>>` an expression that reads another definition; `<<f>>`, `<<C>>` and `<<d>>` name a function of one number, a class, a decorator.
"""

__all__ = ["CONFIGURATIONS", "VALUES", "WITH_NUMPY", "WITH_PANDAS"]

VALUES = """
== number | value | NAME
NAME = <<#>>
== quotient | value | NAME
NAME = <<#>> / 7
== complex number | value | NAME
NAME = complex(<<#>>, 1)
== text | value | NAME
NAME = <<s>>
== bytes | value | NAME
NAME = <<s>>.encode()
== bytearray | value | bytes(NAME)
NAME = bytearray([1, <<#>>])
== array of numbers | value | NAME.tolist()
NAME = array.array("i", [<<#>>, <<#>>])
== truth | value | NAME
NAME = <<True|False|None>>
== path | value | NAME.name
NAME = pathlib.Path("data") / <<s>>
== pure path | value | NAME.parts
NAME = pathlib.PurePosixPath("data", <<s>>)
== decimal | value | str(NAME)
NAME = decimal.Decimal("1.<<#>>")
== fraction | value | (NAME.numerator, NAME.denominator)
NAME = fractions.Fraction(<<#>>, 101)
== date | value | NAME.isoformat()
NAME = datetime.date(2020, 1, 1) + datetime.timedelta(days=<<#>>)
== moment | value | NAME.isoformat()
NAME = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(minutes=<<#>>)))
== time span | value | NAME.total_seconds()
NAME = datetime.timedelta(minutes=<<#>>)
== flag | value | int(NAME)
class NAME_kind(enum.IntFlag):
    a = 1
    b = <<2|4|8>>

NAME = NAME_kind.a | NAME_kind.b
== alias of typing | value | str(NAME)
NAME = <<typing.Optional[int]|typing.Literal["a", "b"]|typing.Literal["a", "c"]|typing.Callable[[int], str]>>
== named tuple in a table | value | [one.size for one in NAME["rows"]]
NAME_row = collections.namedtuple("NAME_row", ["size", "label"])
NAME = {"rows": [NAME_row(<<#>>, "a"), NAME_row(2, <<s>>)]}
== counting iterator | value | next(copy.copy(NAME))
NAME = itertools.count(<<#>>)
== sorted with a key | value | sorted([3, 1, 2], key=NAME) | module no content
NAME = functools.cmp_to_key(lambda a, b: (a - b) * <<1|-1>>)
== new type | value | NAME(3) | module
NAME = typing.NewType("NAME", int)
== property alone | value | NAME.fget(3)
NAME = property(lambda self: [self, <<#>>])
== zone | value | NAME.utcoffset(None).total_seconds()
NAME = datetime.timezone(datetime.timedelta(hours=<<1|2|-3>>))
== named tuple | value | tuple(NAME)
NAME_kind = collections.namedtuple("NAME_kind", "a b", defaults=[<<#>>])
NAME = NAME_kind(<<#>>)
== range | value | list(NAME)
NAME = range(<<#>>, 120, 9)
== slice | value | list("abcdefgh"[NAME])
NAME = slice(<<0|1|2>>, <<3|4|5>>)
== pattern | value | NAME.findall("aabBA, B")
NAME = re.compile("<<a+|b+|[ab]+|a|.>>", <<0|re.IGNORECASE|re.VERBOSE>>)
== tuple | value | NAME
NAME = (<<#>>, (<<#>>, <<s>>), <<#>>)
== frozenset | value | sorted(NAME)
NAME = frozenset([<<#>>, <<#>>, 3])
== tuple of functions | value | [step(2) for step in NAME]
NAME = (<<f>>, <<f>>)
== frozenset of functions | value | sorted(repr(step(2)) for step in NAME)
NAME = frozenset([<<f>>, <<f>>])
== tuple of paths | value | [str(part) for part in NAME]
NAME = (pathlib.PurePosixPath(<<s>>), decimal.Decimal(<<#>>), datetime.date(2021, 1, 1))
== nested dict | value | (NAME["a"], NAME["b"]["c"])
NAME = {"a": <<#>>, "b": {"c": [<<#>>, {"d": <<s>>}]}}
== dict with odd keys | value | sorted(map(repr, NAME.items()))
NAME = {(1, <<#>>): <<#>>, None: <<s>>, 2: [<<#>>], <<s>>: 4}
== dict of functions | value | {name: step(2) for name, step in NAME.items()}
NAME = {"a": <<f>>, "b": <<f>>, "c": lambda x: x <<+|-|*>> <<#>>}
== dict of results | value | NAME
NAME = {"a": <<@>>, "b": <<@>>}
== dict in its order | value | list(NAME)
NAME = <<{"a": 1, "b": 2}|{"b": 2, "a": 1}>>
== list | value | NAME
NAME = [<<#>>, <<#>>, [<<#>>, <<#>>]]
== list of functions | value | [step(2) for step in NAME]
NAME = [<<f>>, <<f>>]
== list of dicts | value | NAME
NAME = [{"a": <<#>>}, {"b": [<<s>>]}, {}]
== list with itself | value | (NAME[0], len(NAME[1]))
NAME = [<<#>>]
NAME.append(NAME)
== set | value | sorted(NAME)
NAME = {<<#>>, <<#>>, 3}
== set of texts | value | sorted(NAME)
NAME = {<<s>>, <<s>>, "a", "b", "c"}
== set of tuples | value | sorted(NAME)
NAME = {("a", <<#>>), ("b", <<#>>), (<<s>>, 1)}
== deque | value | (list(NAME), NAME.maxlen)
NAME = collections.deque([<<#>>, <<#>>], maxlen=<<2|3>>)
== defaultdict | value | (NAME["a"], dict(NAME))
NAME = collections.defaultdict(list, a=[<<#>>])
== defaultdict with a function | value | copy.copy(NAME)["missing"]
NAME = collections.defaultdict(lambda: <<#>>, a=<<#>>)
== ordered dict | value | list(NAME.items())
NAME = collections.OrderedDict([(<<s>>, <<#>>), ("last", <<#>>)])
== counter | value | sorted(NAME.items())
NAME = collections.Counter(<<s>>)
== chain map | value | (NAME["a"], NAME["b"])
NAME = collections.ChainMap({"a": <<#>>}, {"a": 1, "b": <<#>>})
== read-only dict | value | dict(NAME) | module
NAME = types.MappingProxyType({"a": <<#>>, "b": [<<#>>]})
== namespace | value | (NAME.a, NAME.b.c)
NAME = types.SimpleNamespace(a=<<#>>, b=types.SimpleNamespace(c=<<s>>))
== user dict | value | dict(NAME)
NAME = collections.UserDict(a=<<#>>, b=<<#>>)
== random generator | value | copy.deepcopy(NAME).randrange(1000)
NAME = random.Random(<<#>>)
== table filled by a loop | value | NAME
NAME = {}
for NAME_at in range(4):
    NAME[NAME_at] = NAME_at * <<#>> + <<#>>
== table of a comprehension | value | NAME
NAME = {at: at * <<#>> for at in range(4) if at <<!=|==|<>> 2}
== list extended later | value | NAME
NAME = [<<#>>]
NAME += [<<#>>]
NAME.append({"a": <<#>>})
== value by function | value | NAME
def NAME_make():
    return {"a": [<<#>>], "b": <<@>>}

NAME = NAME_make()
== uuid | value | str(NAME)
NAME = uuid.uuid5(uuid.NAMESPACE_DNS, <<s>>)
== address | value | str(NAME)
NAME = ipaddress.ip_address("10.0.0.<<#>>")
== binary format | value | NAME.pack(7) | module
NAME = struct.Struct("<<i|h|q>>")
== text template | value | NAME.substitute(a=3)
NAME = string.Template("$a " + <<s>>)
== distribution | value | NAME.mean
NAME = statistics.NormalDist(<<#>>, 2)
== type alias | value | str(NAME)
NAME = <<list[int]|dict[str, int]|tuple[int, ...]>>
== memory view | value | bytes(NAME) | module
NAME = memoryview(bytes([1, <<#>>]))
== abstract sequence | value | (list(NAME), len(NAME))
class NAME_kind(collections.abc.Sequence):
    def __getitem__(self, index):
        return [<<#>>, <<#>>][index]

    def __len__(self):
        return <<1|2>>

NAME = NAME_kind()
"""

CONFIGURATIONS = """
== json file | value | (NAME["a"], NAME["b"]["c"])
NAME = json.loads(pathlib.Path(__file__).with_name("NAME.json").read_text())
-- NAME.json
{"a": <<#>>, "b": {"c": [<<#>>, "<<w>>"]}}
== toml file | value | (NAME["a"], NAME["part"]["b"])
with pathlib.Path(__file__).with_name("NAME.toml").open("rb") as NAME_file:
    NAME = tomllib.load(NAME_file)
del NAME_file
-- NAME.toml
a = <<#>>
[part]
b = ["<<w>>", "x"]
== ini file | value | NAME.get("part", "a")
NAME = configparser.ConfigParser()
NAME.read(pathlib.Path(__file__).with_name("NAME.ini"))
-- NAME.ini
[part]
a = <<w>> <<#>>
== csv file | value | NAME
with pathlib.Path(__file__).with_name("NAME.csv").open() as NAME_file:
    NAME = list(csv.DictReader(NAME_file))
del NAME_file
-- NAME.csv
a,b
<<#>>,<<w>>
1,<<#>>
== file read by a helper | value | NAME
def NAME_load(name):
    lines = pathlib.Path(__file__).with_name(name).read_text().splitlines()
    return {key: int(value) for key, value in (line.split("=") for line in lines)}

NAME = NAME_load("NAME.txt")
-- NAME.txt
a=<<#>>
b=<<#>>
== settings object of a file | value | (NAME.a, NAME.scaled(2))
class NAME_kind:
    def __init__(self, a):
        self.a = a

    def scaled(self, x):
        return self.a * x

NAME = NAME_kind(**json.loads(pathlib.Path(__file__).with_name("NAME.json").read_text()))
-- NAME.json
{"a": <<#>>}
"""

WITH_NUMPY = """
== numpy number | value | int(NAME)
NAME = numpy.int64(<<#>>)
== numpy float | value | (float(NAME), NAME.dtype.name)
NAME = numpy.<<float32|float64>>(<<#>>)
== numpy moment | value | str(NAME)
NAME = numpy.datetime64("2020-01-01") + numpy.timedelta64(<<#>>, "D")
== array | value | (NAME.tolist(), NAME.dtype.name)
NAME = numpy.array([<<#>>, <<#>>], dtype="<<int64|float32>>")
== matrix | value | NAME.tolist()
NAME = numpy.arange(<<6|8>>).reshape(2, -1)<<|.T>>
== array of objects | value | NAME.tolist()
NAME = numpy.array([<<#>>, <<s>>, None], dtype=object)
== structured array | value | NAME.tolist()
NAME = numpy.array([(1, <<#>>)], dtype=[("a", "i4"), ("<<b|c>>", "f8")])
== masked array | value | NAME.tolist()
NAME = numpy.ma.array([1, <<#>>, 3], mask=[<<0|1>>, 0, 0])
== array in a dict | value | (NAME["a"].tolist(), NAME["b"])
NAME = {"a": numpy.array([<<#>>, 2]), "b": <<#>>}
== array in an instance | value | NAME.table.tolist()
class NAME_kind:
    def __init__(self, table):
        self.table = table

NAME = NAME_kind(numpy.full(3, <<#>>))
== numpy generator | value | copy.deepcopy(NAME).integers(0, 1000, 2).tolist()
NAME = numpy.random.default_rng(<<#>>)
== old numpy generator | value | copy.deepcopy(NAME).randint(0, 1000, 2).tolist()
NAME = numpy.random.RandomState(<<#>>)
== numpy type | value | NAME.name
NAME = numpy.dtype("<<int64|float32|uint8>>")
== vectorized function | value | NAME(numpy.array([1, 2])).tolist()
NAME = numpy.vectorize(lambda x: x + <<#>>)
== vectorized function of the project | value | str(NAME(numpy.array([1, 2])).tolist())
NAME = numpy.vectorize(<<f>>, otypes=[object])
== polynomial | value | NAME(2).tolist()
NAME = numpy.polynomial.Polynomial([<<#>>, 1])
"""

WITH_PANDAS = """
== frame | value | NAME.to_dict("list")
NAME = pandas.DataFrame({"a": [<<#>>, 2], "<<b|c>>": [<<s>>, "y"]})
== series | value | (NAME.tolist(), list(NAME.index))
NAME = pandas.Series([<<#>>, 2], index=["a", <<s>>])
== frame with attributes | value | (NAME.attrs["unit"], NAME["a"].tolist())
NAME = pandas.DataFrame({"a": [1]})
NAME.attrs["unit"] = <<s>>
== named series | value | (NAME.name, NAME.index.name)
NAME = pandas.Series([1], name=<<s>>, index=pandas.Index([1], name=<<s>>))
== grouped frame | value | NAME["a"].sum().tolist()
NAME = pandas.DataFrame({"a": [<<#>>, 2], "b": [1, 1]}).groupby("b")
== pandas index | value | list(NAME)
NAME = pandas.Index(["a", <<s>>])
== timestamp | value | NAME.isoformat()
NAME = pandas.Timestamp("2020-01-01") + pandas.Timedelta(days=<<#>>)
== categories | value | list(NAME)
NAME = pandas.Categorical([<<s>>, "a"])
== frame in an instance | value | NAME.frame.to_dict("list")
class NAME_kind:
    def __init__(self, frame):
        self.frame = frame

NAME = NAME_kind(pandas.DataFrame({"a": [<<#>>]}))
"""
