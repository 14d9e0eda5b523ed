"""Arguments: sorts a command line: a script, jobs, the options of ppg, and after `--` the script's arguments.

All commands follow one rule: `ppg COMMAND script.py [jobs or files ...] [options] [-- arguments of the script]`.
Options of ppg stand anywhere before `--`. An option that ppg does not know is an error; it never reaches the script.
"""

from collections.abc import Iterable, Sequence

import typer
from typer.core import TyperCommand

__all__ = ["ScriptCommand", "StoreCommand", "bytes_of", "script_arguments"]

SCRIPT_ARGUMENTS = "ppg: arguments of the script"
"""The key under which the context keeps the arguments after `--`."""

UNITS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
UNITS |= {f"{unit}i": 2 ** (10 * power) for power, unit in enumerate("KMGT", 1)}


class StoreCommand(TyperCommand):
    """StoreCommand: is a command that runs no script; it takes its options in any place, and refuses unknown ones."""

    takes_script: bool = False

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Parse the arguments before `--`, and keep those of the script."""
        end = args.index("--") if "--" in args else len(args)
        own, ctx.meta[SCRIPT_ARGUMENTS] = args[:end], args[end + 1 :]
        if end < len(args) and not self.takes_script:
            ctx.fail(f"'{ctx.command_path}' runs no script, so nothing can follow '--'; leave it out")
        if not ctx.resilient_parsing:  # a shell completes a line that is not complete
            self._refuse_unknown_options(ctx, own)
        return super().parse_args(ctx, own)

    def _refuse_unknown_options(self, ctx: typer.Context, args: Sequence[str]) -> None:
        """Refuse options that this command does not have, and name the remedy."""
        takes_value: dict[str, bool] = {}
        for parameter in self.get_params(ctx):
            if parameter.param_type_name == "option":
                is_flag = bool(getattr(parameter, "is_flag", False))
                takes_value.update(dict.fromkeys([*parameter.opts, *parameter.secondary_opts], not is_flag))
        words = iter(args)
        for word in words:
            if not word.startswith("-") or word == "-":
                continue
            name, has_value, _ = word.partition("=")
            letters = [] if word.startswith("--") else list(word[1:])
            while letters:
                # `-j4` is an option with its value, `-nq` are two options.
                name = f"-{letters.pop(0)}"
                if takes_value.get(name, True):
                    has_value = "".join(letters)
                    break
            if name not in takes_value:
                ctx.fail(self._unknown(ctx, name, takes_value))
            if takes_value[name] and not has_value:
                next(words, None)

    def _unknown(self, ctx: typer.Context, name: str, known: Iterable[str]) -> str:
        import difflib  # noqa: PLC0415 (only a wrong option needs it)

        spelt_out = [option for option in known if option.startswith("--") and option != "--help"]
        near = difflib.get_close_matches(name, spelt_out, 1, cutoff=0.7)
        is_meant = f"did you mean '{near[0]}'? " if near else ""
        remedy = f"see '{ctx.command_path} --help'"
        if self.takes_script:
            remedy = (
                f"options of the script come after '--': {ctx.command_path} script.py -- {name}; "
                f"those of ppg are listed by '{ctx.command_path} --help'"
            )
        return f"'{ctx.command_path}' has no option '{name}'; {is_meant}{remedy}"


class ScriptCommand(StoreCommand):
    """ScriptCommand: is a command that runs a script, up to its graph or further; the script's arguments follow `--`."""

    takes_script: bool = True

    def collect_usage_pieces(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Return the parts of the line that begins the help."""
        return [*super().collect_usage_pieces(ctx), "[-- arguments of the script]"]


def script_arguments(context: typer.Context) -> list[str]:
    """Return the arguments of the script: all that follows `--`."""
    arguments: list[str] = context.meta[SCRIPT_ARGUMENTS]
    return arguments


def bytes_of(text: str) -> int:
    """Return a size in bytes; sizes are written `1000000`, `1.5 GB`, `2TiB`.

    Raises:
        typer.BadParameter: the text is not a size.
    """
    import re  # noqa: PLC0415 (most command lines have no size)

    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(|[kKMGT]|[KMGT]i)B?\s*", text)
    if found is None:
        raise typer.BadParameter(f"'{text}' is no size; write 500GB, say, or 2TiB")
    return int(float(found[1]) * UNITS[found[2]])
