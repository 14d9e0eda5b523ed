"""Names of jobs with line breaks and escape sequences: no line of the output is broken or forged by them."""

import pytest

DECLARED = r"""
EVIL = "{}\n2000-01-01 ppg: forged\x1b[2J\r"
ppg.new_pipegraph()
def fail(path):
    raise ValueError(f"of {path}")
good = ppg.FileGeneratingJob(EVIL.format("good"), writes("g"))
bad = ppg.FileGeneratingJob(EVIL.format("bad"), fail, retries=1).depends_on(good)
ppg.FileGeneratingJob(EVIL.format("blocked"), writes("b")).depends_on(bad)
"""
SHOWN = r"{}\n2000-01-01 ppg: forged\x1b[2J\r"
GOOD, BAD, BLOCKED = (SHOWN.format(name) for name in ("good", "bad", "blocked"))


@pytest.fixture
def hostile(project):
    (project / "logs").mkdir()
    project.script(DECLARED)
    return project


def require_harmless(text):
    """No control character, and no line that a name has begun."""
    assert "\x1b" not in text
    assert "\r" not in text
    assert not [line for line in text.splitlines() if line.startswith(("2000-01-01", "forged"))]


def test_a_run_that_fails_shows_them_with_escapes_in_its_lines_and_logs(hostile):
    ended = hostile.ppg("run", "script.py")
    assert ended.code == 1
    require_harmless(ended.err)
    lines = ended.err.splitlines()
    assert any(line.startswith(f"ppg: start   {GOOD}: ") for line in lines)
    assert any(line.startswith(f"ppg: why     new: never built: 2 jobs ({GOOD}, {BAD})") for line in lines)
    assert any(line.startswith(f"ppg: FAILED '{BAD}'") for line in lines)
    assert any(line.endswith(f": 1 job ({BAD}); blocked: 1 job ({BLOCKED})") for line in lines)
    log = (hostile / "logs" / "ppg_run.txt").read_text()
    require_harmless(log)
    assert f"started: {GOOD} (pid" in log
    assert f"blocked: {BLOCKED} (because of {BAD})" in log
    errors = (hostile / "logs" / "ppg_errors.txt").read_bytes().decode()
    assert errors.splitlines()[0].startswith(f"FAILED '{BAD}'")
    assert f"--- end of '{BAD}' ---" in errors


def test_the_commands_that_look_and_the_error_of_the_run_do_so_too(hostile):
    script = (hostile / "script.py").read_text()
    (hostile / "script.py").write_text(
        script + "try:\n    ppg.run()\nexcept ppg.RuntimeError as e:\n    print(e)\n"
    )
    ended = hostile.ppg("run", "script.py")
    require_harmless(ended.out)
    assert f"  '{BAD}': ValueError: of " in ended.out
    (hostile / "script.py").write_text(script)
    evil = "{}\n2000-01-01 ppg: forged\x1b[2J\r"
    for arguments in (
        ["why", evil.format("good")],
        ["why", "script.py", evil.format("bad")],
        ["why", "script.py", evil.format("blocked")],
        ["why", "script.py", evil.format("unknown")],
        ["run", "script.py", evil.format("unknown")],
        ["verify", "script.py"],
        ["accept", "script.py"],
    ):
        ended = hostile.ppg(*arguments)
        if "unknown" not in arguments[-1] or arguments[0] == "run":
            require_harmless(ended.out + ended.err)
        assert "\x1b" not in ended.out + ended.err
        assert "forged" in ended.out + ended.err


def test_the_display_on_a_terminal_does_so_too(hostile, terminal):
    script = (hostile / "script.py").read_text()
    # Rich itself has no use for this sequence.
    (hostile / "script.py").write_text(script.replace("[2J", "[99m"))
    screen = terminal("run", "script.py")
    assert screen.wait() == 1
    assert "\x1b[99m" not in screen.said
    assert "\n2000-01-01" not in screen.said
    for name in ("good", "bad", "blocked"):
        assert rf"{name}\n2000-01-01 ppg: forged\x1b[99m\r" in screen.said
