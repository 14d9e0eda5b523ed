"""Callbacks: definitions of jobs' callbacks and of decorators, and the basic definitions that all projects have, as templates.

`values` explains the form. A decorator takes a function of one number. `<<I>>` imports what `<<L>>` reads, inside the function.
The part `-- script` stands in the script.
"""

__all__ = ["BASICS", "CALLBACKS", "DECORATORS", "OTHER_WAYS"]

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

DECORATORS = """
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
== found by its base class | value | sorted(kind.limit for kind in NAME.__subclasses__()) | subclasses
class NAME:
    pass

class NAME_one(NAME):
    limit = <<#>>
== set by the script | value | NAME | module set by script
NAME = 1
-- script
NAME = <<#>>
"""
