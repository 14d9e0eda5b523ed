"""Confining: refuses, where a job is declared, what cannot be confined."""

import functools
import os
import re
from collections.abc import Iterable, Iterator

from ppg.exceptions import JobContractError, PyPipelineGraphError

__all__ = ["refuse_containers", "refuse_sharing", "require_confinable"]

CONTAINERS = frozenset(
    {
        "apptainer", "bwrap", "charliecloud", "ch-run", "chroot", "docker", "enroot", "lxc", "lxc-attach", "nerdctl",
        "podman", "proot", "sarus", "shifter", "singularity", "systemd-nspawn", "udocker", "unshare",
    }
)  # fmt: skip
"""Programs that mount file systems, or have a server start what they run."""
PRIVILEGED = frozenset({"doas", "pkexec", "su", "sudo"})
"""Programs that gain privileges."""

_BEFORE_PROGRAMS = frozenset(
    {
        "!", "&", "&&", "(", ";", ";;", "do", "elif", "else", "env", "eval", "exec", "if", "nice", "nohup", "stdbuf", "then", "time",
        "timeout", "until", "while", "xargs", "{", "|", "|&", "||",
    }
)  # fmt: skip


_NUMBER = re.compile(r"[\d.]+[smhd]?")
"""An argument of a word like `nice` or `timeout`, behind which the program still comes."""


@functools.cache
def _problem() -> str | None:
    from ppg_exec import why_not_confinable  # noqa: PLC0415 (only scripts that confine need it)

    return why_not_confinable()


def require_confinable(what: str) -> None:
    """Require that this machine can confine jobs.

    Parameters:
        what: the job or the pipegraph in messages.

    Raises:
        PyPipelineGraphError: it cannot.
    """
    problem = _problem()
    if problem is not None:
        raise PyPipelineGraphError(
            f"{what}: confine=True does not work here: {problem}. Or leave confine out"
        )


def refuse_sharing(what: str) -> None:
    """Refuse a confined job that shares its outputs.

    Raises:
        JobContractError: always.
    """
    raise JobContractError(
        f"{what} is confined, and so cannot write to the shared cache; leave out share=True, or give it confine=False"
    )


def refuse_containers(what: str, words: Iterable[str], *, shell: bool) -> None:
    """Refuse a confined program that needs what confined processes cannot do.

    Parameters:
        what: the job in messages.
        words: the program and its arguments, or the line for the shell, as far as they are texts.
        shell: whether it is a line for the shell.

    Raises:
        JobContractError: it starts containers, or gains privileges.
    """
    for program in _programs(_words_of_shell(" ".join(words))) if shell else _first_programs(words):
        name = os.path.basename(program)  # noqa: PTH119 (a word of a command, which need not be a path)
        why = (
            "starts containers, and the kernel lets no confined process mount file systems"
            if name in CONTAINERS
            else "gains privileges, and the kernel lets no confined process do that"
            if name in PRIVILEGED
            else None
        )
        if why is not None:
            raise JobContractError(
                f"{what} is confined, but '{name}' {why}; give the job confine=False, or run the tool without '{name}'"
            )


def _first_programs(words: Iterable[str]) -> Iterator[str]:
    """Yield the program of a command; behind a word like `env` or `nice`, which starts another one, that one, too."""
    for program in _programs(words):
        yield program
        if os.path.basename(program) not in _BEFORE_PROGRAMS:  # noqa: PTH119 (the same)
            return


def _programs(words: Iterable[str]) -> Iterator[str]:
    """Yield the words that may be programs: the first one, and those behind operators of the shell."""
    before = ";"
    for word in words:
        starts_program = before in _BEFORE_PROGRAMS or set(before) <= set(";&|(")
        # Variables, options and numbers may stand between a word like env and the program.
        if starts_program and ("=" in word or word.startswith("-") or _NUMBER.fullmatch(word)):
            continue
        if starts_program:
            yield word
        before = os.path.basename(word)  # noqa: PTH119 (a word of a command, which need not be a path)


def _words_of_shell(line: str) -> Iterator[str]:
    import shlex  # noqa: PLC0415 (only scripts that confine need it)

    lexer = shlex.shlex(line.replace("\n", " ; "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        yield from lexer
    except ValueError:
        return  # quotes that never end: the shell will say so
