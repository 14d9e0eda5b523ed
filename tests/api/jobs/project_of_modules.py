"""A project of several modules, and scripts that import them; each script runs in a process of its own."""

import subprocess
import sys
import textwrap

MODULES = {
    "conf": """
        V = 3
        OPTIONS = {"minq": 20}
        NAMES = {"a", "b"}
        GONE = 1
        LOG = None

        class Settings:
            depth = 1
            removed = 2

            def shown(self):
                return self.depth

        SETTINGS = Settings()

        class Plain:
            size = 1

        def clean(text):
            return text.strip()

        def read():
            return V
        """,
    "other": """
        VALUE = "of other"

        class Rule:
            def __init__(self, size):
                self.size = size

        def shout(text):
            return text.upper()
        """,
    "pkg/__init__": "",
    "pkg/deep": """
        V = "deep"

        def read():
            return V
        """,
    "untouched": """
        from pathlib import Path

        with open("imports.log", "a") as log:
            log.write("imported\\n")

        def read():
            return 1
        """,
}


class Project:
    """A folder with modules and a script, which runs in a process of its own."""

    def __init__(self, folder):
        self.folder = folder
        for name, text in MODULES.items():
            self.write(f"{name}.py", text)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))

    def run(self, text, *, fails=False):
        self.write("script.py", text)
        done = subprocess.run(
            [sys.executable, "script.py"], cwd=self.folder, capture_output=True, text=True, timeout=120
        )
        assert (done.returncode != 0) is fails, done.stderr
        return done.stdout + done.stderr

    def made(self, name="out"):
        return (self.folder / name).read_text()
