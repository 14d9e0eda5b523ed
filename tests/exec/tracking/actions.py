"""What tasks do with files. Without pytest: compute nodes, and processes of multiprocessing, import this module."""

from __future__ import annotations

import concurrent.futures
import contextlib
import importlib
import inspect
import io
import linecache
import multiprocessing
import os
import pathlib
import pkgutil
import shutil
import sys
import tempfile
import threading
import traceback
import zipfile
from collections.abc import Callable


def read(path: str) -> str:
    with open(path) as file:
        return file.read()


def write(path: str, text: str = "text") -> None:
    with open(path, "w") as file:
        file.write(text)


def in_folder(folder: str, *actions: Callable[[], object]) -> None:
    """Several actions, with `folder` as the current one."""
    os.chdir(folder)
    for action in actions:
        action()


# ---- each gets the project's folder, in which there are a.txt, b.txt, sub/c.txt and the link `link` to a.txt


def read_once(folder: str) -> None:
    read(f"{folder}/a.txt")


def read_twice(folder: str) -> None:
    read(f"{folder}/a.txt")
    read(f"{folder}/a.txt")
    read(f"{folder}/./sub/../a.txt")
    read(f"/{folder}//a.txt")


def read_in_many_ways(folder: str) -> None:
    os.close(os.open(f"{folder}/a.txt", os.O_RDONLY))
    pathlib.Path(folder, "b.txt").read_bytes()
    with io.FileIO(os.fsencode(f"{folder}/sub/c.txt")) as file:
        file.read()


def read_bytes_path(folder: str) -> None:
    with open(os.fsencode(f"{folder}/a.txt"), "rb") as file:
        file.read()


class Text(str):
    """Text: is a str with methods of its own, as those of numpy are."""

    __slots__ = ()

    def __add__(self, other: str) -> str:
        raise AssertionError

    def __getitem__(self, place: object) -> str:
        raise AssertionError


def read_other_paths(folder: str) -> None:
    os.close(os.open(Text(f"{folder}/a.txt"), os.O_RDONLY))
    os.close(os.open(pathlib.Path(folder, "b.txt"), os.O_RDONLY))


def read_relative(folder: str) -> None:
    os.chdir(f"{folder}/sub")
    read("c.txt")
    read("../a.txt")
    os.chdir(folder)
    read("b.txt")


def read_link(folder: str) -> None:
    read(f"{folder}/link")


def read_descriptor(folder: str) -> None:
    number = os.open(f"{folder}/a.txt", os.O_RDONLY)
    with open(number) as file:
        file.read()
    os.listdir(number := os.open(f"{folder}/sub", os.O_RDONLY | os.O_DIRECTORY))
    os.close(number)


def read_absent(folder: str) -> None:
    for path in ("none.txt", "none/none.txt", "a.txt/none"):
        with contextlib.suppress(OSError):
            read(f"{folder}/{path}")
    with contextlib.suppress(OSError):
        os.listdir(f"{folder}/nowhere")


def read_after_absent(folder: str) -> None:
    with contextlib.suppress(OSError):
        read(f"{folder}/made.txt")
    os.system(f"echo made > {folder}/made.txt")
    read(f"{folder}/made.txt")


def write_then_read(folder: str) -> None:
    write(f"{folder}/new.txt")
    read(f"{folder}/new.txt")
    write(f"{folder}/new.txt")


def read_then_write(folder: str) -> None:
    read(f"{folder}/a.txt")
    write(f"{folder}/a.txt")
    read(f"{folder}/a.txt")


def write_in_all_modes(folder: str) -> None:
    for mode, path in (("a", "a.txt"), ("r+", "b.txt"), ("x", "x.txt"), ("w+b", "w.txt")):
        with open(f"{folder}/{path}", mode):
            pass


def fail_to_write(folder: str) -> None:
    with contextlib.suppress(FileExistsError):
        os.open(f"{folder}/a.txt", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    with contextlib.suppress(FileNotFoundError):
        os.open(f"{folder}/none.txt", os.O_RDWR)
    read(f"{folder}/a.txt")


def change_names(folder: str) -> None:
    os.rename(f"{folder}/a.txt", f"{folder}/renamed.txt")
    os.replace(f"{folder}/renamed.txt", f"{folder}/replaced.txt")
    os.link(f"{folder}/b.txt", f"{folder}/linked.txt")
    os.symlink("b.txt", f"{folder}/symlink.txt")
    os.truncate(f"{folder}/b.txt", 0)
    os.remove(f"{folder}/linked.txt")
    for path in ("renamed.txt", "replaced.txt", "symlink.txt", "b.txt"):
        with contextlib.suppress(FileNotFoundError):
            read(f"{folder}/{path}")


def change_names_in_an_open_folder(folder: str) -> None:
    number = os.open(f"{folder}/sub", os.O_RDONLY | os.O_DIRECTORY)
    os.rename("c.txt", "d.txt", src_dir_fd=number, dst_dir_fd=number)
    os.symlink("d.txt", "e.txt", dir_fd=number)
    os.link("d.txt", "f.txt", src_dir_fd=number, dst_dir_fd=number)
    os.remove("f.txt", dir_fd=number)
    os.close(number)


def list_folders(folder: str) -> None:
    os.listdir(f"{folder}/sub")
    os.listdir(f"{folder}/sub/")
    os.chdir(folder)
    os.listdir()
    with os.scandir() as found:
        list(found)


def list_by_pathlib(folder: str) -> None:
    list(pathlib.Path(folder, "sub").iterdir())


def remove_a_tree(folder: str) -> None:
    os.makedirs(f"{folder}/tree/deeper")
    write(f"{folder}/tree/deeper/file.txt")
    os.chdir(folder)
    shutil.rmtree("tree")


def open_what_is_no_file(folder: str) -> None:
    os.mkfifo(f"{folder}/fifo")
    for path in ("fifo", "sub"):
        os.close(os.open(f"{folder}/{path}", os.O_RDONLY | os.O_NONBLOCK))
    with contextlib.suppress(OSError):
        write(f"{folder}/sub")
    os.close(os.open(f"{folder}/fifo", os.O_RDWR))
    os.close(os.open(f"{folder}/a.txt", os.O_PATH))


def use_temporary_files(folder: str) -> None:
    with tempfile.NamedTemporaryFile("w+") as file:
        read(file.name)
    with tempfile.TemporaryFile("w+") as file:
        file.write("text")
    read("/etc/passwd")
    write("/dev/null")


def use_places(folder: str) -> None:
    read(f"{folder}/unnoted/a.txt")
    read(f"{folder}/unnoted2/a.txt")
    read(f"{folder}/store.db")
    read(f"{folder}/store.db2")
    outside = os.path.dirname(folder)
    read(f"{outside}/other/a.txt")
    read(f"{outside}/system/a.txt")
    read(f"{outside}/system2/a.txt")
    os.listdir(f"{outside}/system")
    write(f"{outside}/system/new.txt")
    write(f"{folder}/unnoted/new.txt")


def use_modules(folder: str) -> None:
    """A module and a package of the project, with data beside it."""
    sys.path.insert(0, folder)
    try:
        importlib.invalidate_caches()
        importlib.import_module("project_module")
        package = importlib.import_module("project_package")
        importlib.import_module("project_package.inner")
        assert pkgutil.get_data("project_package", "data.txt") == b"data"
        assert package.TEXT == "data"
        with contextlib.suppress(ImportError):
            importlib.import_module("project_none")
    finally:
        sys.path.remove(folder)
        for name in ("project_module", "project_package", "project_package.inner"):
            sys.modules.pop(name, None)
    read(f"{folder}/project_module.py")


def use_an_archive(folder: str) -> None:
    with zipfile.ZipFile(f"{folder}/archive.zip", "w") as archive:
        archive.writestr("module_in_archive.py", "VALUE = 1")
    os.rename(f"{folder}/archive.zip", f"{folder}/moved.zip")
    os.system(f"cp {folder}/moved.zip {folder}/modules.zip")
    sys.path.insert(0, f"{folder}/modules.zip")
    try:
        assert importlib.import_module("module_in_archive").VALUE == 1
    finally:
        sys.path.remove(f"{folder}/modules.zip")
        sys.modules.pop("module_in_archive", None)


def show_sources(folder: str) -> None:
    namespace: dict[str, Callable[[], object]] = {}
    exec(compile("def fail():\n    return 1 / 0\n", f"{folder}/failing.py", "exec"), namespace)
    write_without_notice(f"{folder}/failing.py", "def fail():\n    return 1 / 0\n")
    linecache.checkcache()
    try:
        namespace["fail"]()
    except ZeroDivisionError:
        assert "return 1 / 0" in traceback.format_exc()
    assert inspect.getsource(namespace["fail"]).startswith("def fail")


def write_without_notice(path: str, text: str) -> None:
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", 'printf "%s" "$1" > "$0"', path, text], os.environ)
    assert os.waitpid(pid, 0)[1] == 0


def use_strange_names(folder: str) -> None:
    for name in (b"\xff\xfe.txt", "ä→.txt".encode(), b"new\nline \\ \t'", b" "):
        with open(os.fsencode(folder) + b"/sub/" + name, "w"):
            pass
    for name in sorted(os.listdir(os.fsencode(folder) + b"/sub")):
        os.stat(os.fsencode(folder) + b"/sub/" + name)
    with contextlib.suppress(FileNotFoundError):
        read(os.fsdecode(os.fsencode(folder) + b"/\xff"))


def read_in_threads(folder: str) -> None:
    threads = [
        threading.Thread(target=read, args=(f"{folder}/{path}",)) for path in ("a.txt", "b.txt", "sub/c.txt")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def fail_in_thread(folder: str) -> None:
    """The interpreter shows the traceback of a thread, with its sources."""
    write_without_notice(f"{folder}/failing.py", "def fail():\n    return 1 / 0\n")
    namespace: dict[str, Callable[[], object]] = {}
    exec(compile("def fail():\n    return 1 / 0\n", f"{folder}/failing.py", "exec"), namespace)
    thread = threading.Thread(target=namespace["fail"])
    thread.start()
    thread.join()


# ---- processes


def fork_and(action: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            action()
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1]


def fork_and_read(folder: str) -> None:
    read(f"{folder}/a.txt")
    assert fork_and(lambda: read(f"{folder}/a.txt") and read(f"{folder}/b.txt")) == 0
    assert fork_and(lambda: fork_and(lambda: read(f"{folder}/sub/c.txt"))) == 0
    read(f"{folder}/b.txt")


def fork_and_write(folder: str) -> None:
    """The parent reads what a child has written, and a child what the parent has written."""
    assert fork_and(lambda: write(f"{folder}/of_child.txt")) == 0
    read(f"{folder}/of_child.txt")
    write(f"{folder}/of_parent.txt")
    assert fork_and(lambda: read(f"{folder}/of_parent.txt")) == 0
    with contextlib.suppress(FileNotFoundError):
        os.remove(f"{folder}/of_child.txt")
        fork_and(lambda: read(f"{folder}/of_child.txt"))


def fork_and_close_all(folder: str) -> None:
    """A daemon closes all descriptors, and opens others under their numbers."""

    def daemon() -> None:
        os.closerange(3, 4096)
        numbers = [os.open(f"{folder}/b.txt", os.O_RDWR) for _ in range(300)]
        read(f"{folder}/a.txt")
        for number in numbers:
            os.close(number)

    assert fork_and(daemon) == 0
    assert read(f"{folder}/b.txt") == "b"


def close_all_then_fork(folder: str) -> None:
    """The job itself does so; the file that is opened then must stay as it is."""
    assert fork_and(lambda: None) == 0
    standing = [os.open(f"{folder}/b.txt", os.O_RDWR) for _ in range(300)]
    for number in range(3, 1024):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/self/fd/{number}").startswith("/memfd:ppg"):
                os.dup2(standing[0], number)
    for number in standing:
        os.close(number)
    read(f"{folder}/a.txt")
    assert fork_and(lambda: read(f"{folder}/sub/c.txt")) == 0
    assert read(f"{folder}/b.txt") == "b"


def use_pool(folder: str, method: str) -> None:
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        assert list(pool.map(read, [f"{folder}/a.txt", f"{folder}/b.txt", f"{folder}/sub/c.txt"])) == [
            "a",
            "b",
            "c",
        ]
        pool.submit(write, f"{folder}/of_child.txt").result()
    read(f"{folder}/of_child.txt")


def use_process(folder: str, method: str) -> None:
    """A process that starts a process by the same method."""
    context = multiprocessing.get_context(method)
    process = context.Process(target=nested, args=(folder, method))
    process.start()
    process.join()
    assert process.exitcode == 0


def nested(folder: str, method: str) -> None:
    read(f"{folder}/a.txt")
    process = multiprocessing.get_context(method).Process(target=read, args=(f"{folder}/b.txt",))
    process.start()
    process.join()
    assert process.exitcode == 0
