"""Commands: executes the lines that the user types while a graph runs.

A line is a command, for some commands followed by the name of a job. `kill`, `stop` and `abort` change the
run; the other commands only show information. `kill` cancels a task of the executor, and the killed job
counts as failed. `stop` and `abort` set `Interrupts`, and the run ends like an interrupted one.
"""

import enum
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import assert_never

from ppg.account.failure_report import failure_lines
from ppg.account.reasons import named
from ppg.control.interrupts import Interrupts
from ppg.graph.declared import DeclaredGraph
from ppg.graph.find import find_job, unknown_job
from ppg.jobs.job import Job
from ppg.report import events
from ppg.result import JobOutcome
from ppg.status.reason_details import ReasonWords
from ppg.text import counted, escape_control_sequences, one_line, source_line
from ppg_exec import Executor
from ppg_graph import Evaluator, NodeId, NodeState

__all__ = ["CHANGING", "Command", "Commands"]

FAILURES_SHOWN = 10
OUTPUT_LINES = 20
BYTES_LOOKED_AT = 1 << 14
"""Number of bytes at the end of an output in which its last lines are looked for."""
MOST_NAMED = 5
"""Number of jobs that an answer names."""
MOST_LOOKED_AT = 10_000
"""Number of jobs upstream among which an answer looks for those that run."""
MOST_REPEATED = 60
"""Number of typed characters that an answer repeats."""


class Command(enum.Enum):
    """Command: names each command by the typed word."""

    HELP = "help"
    """List the commands."""
    RUNNING = "running"
    """Show the running jobs, and for how long they run; Enter alone does the same."""
    ERRORS = "errors"
    """Show the failures so far."""
    WHY = "why"
    """Explain why a job runs, waits, or does not run."""
    OUTPUT = "output"
    """Show what a job has printed last."""
    KILL = "kill"
    """End one job, which fails; the other jobs continue."""
    STOP = "stop"
    """Start no more jobs; the run ends when the running jobs have ended."""
    ABORT = "abort"
    """End the run at once, as Ctrl-C does."""


CHANGING = frozenset(command.value for command in (Command.KILL, Command.STOP, Command.ABORT))
"""The words of the commands that change the run."""

HELP = """\
commands, each with Enter:
  running     show the running jobs and their times (Enter alone does the same)
  errors      show the failures so far
  why JOB     explain why a job runs, waits, or does not run
  output JOB  show what a job has printed last
  kill JOB    end a job; it fails, the other jobs continue
  stop        start no more jobs, and end when the running jobs have ended
  abort       end now, as Ctrl-C does; finished jobs stay recorded
  help        show this"""


class Commands:
    """Commands: executes the commands of the user at the terminal.

    Parameters:
        pipegraph: the graph that runs.
        evaluator: explains its decisions.
        executor: runs the jobs of the graph.
        interrupts: ends the run loop for `stop` and `abort`.
        is_with_executor: returns whether the executor has a job now.
        has_begun: returns whether the process of such a job runs.
        process_of: returns the process of a running job; None if it is this one, or runs elsewhere.
        outcomes: returns the outcomes of jobs so far.
        words: puts reasons into sentences.

    Attributes:
        killed: the ids of the jobs that the user killed.
    """

    def __init__(
        self,
        pipegraph: DeclaredGraph,
        evaluator: Evaluator,
        executor: Executor,
        interrupts: Interrupts,
        is_with_executor: Callable[[NodeId], bool],
        has_begun: Callable[[NodeId], bool],
        process_of: Callable[[str], int | None],
        outcomes: Callable[[], Iterable[JobOutcome]],
        words: ReasonWords,
    ) -> None:
        self._pipegraph = pipegraph
        self._evaluator = evaluator
        self._executor = executor
        self._interrupts = interrupts
        self._is_with_executor = is_with_executor
        self._has_begun = has_begun
        self._process_of = process_of
        self._outcomes = outcomes
        self._words = words
        self.killed: set[str] = set()

    def execute(self, line: str) -> events.Event | None:
        """Execute a typed line; return the answer, or None if the run loop publishes an event for it.

        Parameters:
            line: the typed line, without its end.
        """
        word, _, rest = line.strip().partition(" ")
        name = rest.strip()
        try:
            command = Command(word.lower() or "running")
        except ValueError:
            return events.Answered(
                f"there is no command '{_printable(word)}'; type 'help' for those that exist"
            )
        match command:
            case Command.HELP:
                return events.Answered(HELP)
            case Command.RUNNING:
                return events.StatusRequested(time.time())
            case Command.ERRORS:
                return events.Answered("\n".join(self._errors()))
            case Command.WHY:
                return events.Answered(self._why(name))
            case Command.OUTPUT:
                return events.Answered(self._output(name))
            case Command.KILL:
                return events.Answered(self._kill(name))
            case Command.STOP:
                if self._interrupts.winding_down:
                    return events.Answered("the run is stopping already; 'abort' ends it at once")
                self._interrupts.winding_down = True
                return None
            case Command.ABORT:
                self._interrupts.abort()
                return None
            case _:
                assert_never(command)

    def _errors(self) -> Iterator[str]:
        failed = [outcome for outcome in self._outcomes() if outcome.failed]
        if not failed:
            yield "no job has failed so far"
        for outcome in failed[:FAILURES_SHOWN]:
            yield from failure_lines(outcome)
        if len(failed) > FAILURES_SHOWN:
            yield f"and {len(failed) - FAILURES_SHOWN} more: {', '.join(one_line(each.job_id) for each in failed[FAILURES_SHOWN:])}"

    def _why(self, name: str) -> str:
        job = self._named(name, "why")
        if isinstance(job, str):
            return job
        explanation = self._evaluator.explain(job._node)
        lines = [one_line(str(replace(explanation, reasons=())))]
        for reason in explanation.reasons:
            first, *others = self._words.lines(job.job_id, reason)
            lines += [
                one_line(f"  because {first}"),
                *(f"  {escape_control_sequences(line)}" for line in others),
            ]
        lines += [one_line(f"  {line}") for line in self._waits(job._node)]
        return "\n".join(lines)

    def _waits(self, node: NodeId) -> Iterator[str]:
        """What a job waits for: cores and memory, or in the end other jobs that run or wait for them."""
        if self._evaluator.state(node) is NodeState.STARTED:
            if self._is_with_executor(node) and not self._has_begun(node):
                job = self._pipegraph._job_at(node)
                needs = "all cores" if job.cores_needed == -1 else counted(job.cores_needed, "core")
                yield f"it is ready, and waits for {needs} or for memory; {self._of_running()}"
            return
        at_work: list[NodeId] = []
        waiting, looked_at = deque([node]), {node}
        while waiting and len(looked_at) < MOST_LOOKED_AT:
            for name in self._evaluator.explain(waiting.popleft()).waiting_for:
                upstream = self._pipegraph.dag.node(name)
                if upstream not in looked_at:
                    looked_at.add(upstream)
                    if self._evaluator.state(upstream) is NodeState.STARTED:
                        at_work.append(upstream)
                    else:
                        waiting.append(upstream)
        running = [self._pipegraph.dag.job_id(each) for each in at_work if self._has_begun(each)]
        ready = [self._pipegraph.dag.job_id(each) for each in at_work if not self._has_begun(each)]
        if running:
            yield f"in the end it waits for what runs: {named(running, MOST_NAMED)}"
        if ready:
            yield f"in the end it waits for what is ready and has no core yet: {named(ready, MOST_NAMED)}"

    def _of_running(self) -> str:
        dag = self._pipegraph.dag
        running = [
            job_id
            for node, job_id in enumerate(dag.job_ids)
            if self._is_with_executor(NodeId(node)) and self._has_begun(NodeId(node))
        ]
        return f"these run: {named(running, MOST_NAMED)}" if running else "no job runs yet"

    def _output(self, name: str) -> str:
        from ppg.live.processes import outputs_of  # noqa: PLC0415 (most runs do not need it)

        job = self._named(name, "output")
        if isinstance(job, str):
            return job
        shown = one_line(job.job_id)
        if self._is_with_executor(job._node) and self._has_begun(job._node):
            process = self._process_of(job.job_id)
            if process is None:
                return f"'{shown}' does not run in a process of its own on this machine; what it prints is shown when it ends"
            texts = dict(zip(("stdout", "stderr"), outputs_of(process), strict=True))
            state = "so far"
        else:
            ended = next((each for each in self._outcomes() if each.job_id == job.job_id), None)
            captured = () if ended is None else (ended.stdout_capture, ended.stderr_capture)
            texts = {
                name: output.text(BYTES_LOOKED_AT) if output else ""
                for name, output in zip(("stdout", "stderr"), captured, strict=False)
            }
            if ended is None:
                return f"'{shown}' has not run; 'ppg output' shows what it printed in earlier runs"
            state = "when it ran"
        lines: list[str] = []
        for stream, text in texts.items():
            printed = [source_line(line) for line in text.splitlines()]
            if printed:
                lines += [f"  {stream}:", *(f"    {line}" for line in printed[-OUTPUT_LINES:])]
        return "\n".join([f"'{shown}' printed {'this' if lines else 'nothing'} {state}", *lines])

    def _kill(self, name: str) -> str:
        job = self._named(name, "kill")
        if isinstance(job, str):
            return job
        if not self._is_with_executor(job._node):
            shown = one_line(job.job_id)
            return f"'{shown}' does not run now, so there is nothing to kill; 'running' shows what runs"
        self.killed.add(job.job_id)
        self._executor.cancel(job.job_id)
        return f"killing '{one_line(job.job_id)}'"

    def _named(self, name: str, command: str) -> Job | str:
        """Return the job that the user named, or a message that says what is wrong with the name."""
        if not name:
            return f"'{command}' needs the name of a job: {command} JOB"
        job = find_job(self._pipegraph, name)
        if job is None:
            return unknown_job(_printable(name), (other.job_id for other in self._pipegraph))
        return job


def _printable(text: str) -> str:
    """Typed text, with escapes in place of characters that control a terminal (arrow keys, for example)."""
    if len(text) > MOST_REPEATED:
        text = text[:MOST_REPEATED] + "…"
    return one_line(text)
