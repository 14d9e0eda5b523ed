"""Settings that all tests share: the hypothesis profiles, and the account of what the searches covered."""

import os
import signal
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, settings

# No deadlines: the machines are shared, and a test never asserts an absolute time.
settings.register_profile(
    "default", max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", parent=settings.get_profile("default"), derandomize=True, print_blob=True)
settings.register_profile("nightly", parent=settings.get_profile("default"), max_examples=10_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default"))

# Who runs the tests by nohup, or in the background of a script, has them ignore signals, and all that they start.
for _ignored in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    if signal.getsignal(_ignored) is signal.SIG_IGN:
        signal.signal(_ignored, signal.default_int_handler if _ignored is signal.SIGINT else signal.SIG_DFL)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """Return one worker more than there are cores, because many tests wait for other processes most of the time."""
    return len(os.sched_getaffinity(0)) + 1


def pytest_terminal_summary(terminalreporter):
    """Say how many cases the exhaustive searches covered, in all processes together."""
    covered = defaultdict(lambda: [0] * 5)
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "covered" and getattr(report, "when", "") == "call":
                    what, row = value
                    covered[what] = [old + new for old, new in zip(covered[what], row, strict=True)]
    if not covered:
        return
    terminalreporter.section("covered by exhaustive searches")
    covered["in total"] = [sum(column) for column in zip(*covered.values(), strict=True)]
    for what, (graphs, histories, runs, decisions, events) in covered.items():
        terminalreporter.line(
            f"{what}: {graphs:,} graphs, {histories:,} histories, {runs:,} runs, {decisions:,} decisions, "
            f"{events:,} ends of jobs"
        )
