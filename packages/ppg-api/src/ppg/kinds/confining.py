"""Confining: refuses, where a job is declared, what cannot be confined."""

import functools
import os
from collections.abc import Iterable

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
    for program in _programs(" ".join(words)) if shell else list(words)[:1]:
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


def _programs(line: str) -> Iterable[str]:
    """Yield the words of a line for the shell that may be programs: the first one, and those behind operators."""
    import shlex  # noqa: PLC0415 (only scripts that confine need it)

    lexer = shlex.shlex(line.replace("\n", " ; "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    before = ";"
    try:
        for word in lexer:
            if before in _BEFORE_PROGRAMS or set(before) <= set(";&|("):
                yield word
            # Variables and options may stand between a word like env and the program.
            if not ("=" in word or word.startswith("-")) or before not in _BEFORE_PROGRAMS:
                before = word
    except ValueError:
        return  # quotes that never end: the shell will say so
