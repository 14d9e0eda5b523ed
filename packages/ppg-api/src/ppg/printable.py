"""Texts for terminals and logs: names of jobs and files may contain what would begin a line, or move the cursor."""

__all__ = ["one_line", "source_line", "without_orders"]


def one_line(text: str) -> str:
    """The text with escapes in place of what would begin a new line, or make a terminal do something.

    Bytes of file names that are no UTF-8 stay what they are.
    """
    if text.isprintable():
        return text  # nearly all of them
    return "".join(
        character if character.isprintable() or "\udc80" <= character <= "\udcff" else ascii(character)[1:-1]
        for character in text
    )


def source_line(text: str) -> str:
    """The same, but for tabs: those of source code stay."""
    return "\t".join(map(one_line, text.split("\t")))


def without_orders(text: str) -> str:
    """The text with escapes in place of what would make a terminal do something; its lines and tabs stay."""
    if text.isprintable():
        return text
    return "\n".join(map(source_line, text.split("\n")))
