"""Early end: ends the jobs of a run that the user stops or winds down, or that an error ends."""

from collections.abc import Callable, Iterable

import ppg_graph
from ppg.engine.cleanup import discard_files, end_all
from ppg.engine.in_flight import InFlight
from ppg.graph.declared import DeclaredGraph
from ppg.jobs.job import Job
from ppg.outcomes.run_outcomes import RunOutcomes
from ppg.report import events
from ppg_exec import Executor
from ppg_graph import Effect, Evaluator, NodeId

__all__ = ["EarlyEnd"]


class EarlyEnd:
    """Early end: ends the jobs that are in flight; jobs that have not ended count as never started.

    Parameters:
        pipegraph: the jobs.
        in_flight: the jobs in flight, which this object removes when it ends them.
        evaluator: gets what becomes of the jobs.
        executor: runs the jobs.
        outcomes: gets the outcomes.
        publish: publishes an event to the listeners.
        carry_out_all: carries out effects of the evaluator.
        discard: removes the partial outputs of a job, and notes that.
    """

    def __init__(
        self,
        pipegraph: DeclaredGraph,
        in_flight: dict[NodeId, InFlight],
        evaluator: Evaluator,
        executor: Executor,
        outcomes: RunOutcomes,
        publish: Callable[[events.Event], None],
        carry_out_all: Callable[[Iterable[Effect]], None],
        discard: Callable[[Job], list[str]],
    ) -> None:
        self._pipegraph = pipegraph
        self._in_flight = in_flight
        self._evaluator = evaluator
        self._executor = executor
        self._outcomes = outcomes
        self._publish = publish
        self._carry_out_all = carry_out_all
        self._discard = discard

    def cancel_waiting(self) -> None:
        """Start no more jobs, and cancel those that wait; running jobs continue to their end."""
        waiting = [flight for flight in self._in_flight.values() if not flight.has_begun]
        self._publish(events.RunWindingDown(len(self._in_flight) - len(waiting)))
        self._carry_out_all(self._evaluator.handle(ppg_graph.Stopped()))
        for flight in waiting:
            self._executor.cancel(flight.job.job_id)

    def discard(self, node: NodeId) -> None:
        """Drop a queued or running job because the run ends; the job counts as never started."""
        flight = self._in_flight.pop(node)
        if flight.has_begun:
            self._warn_of(self._discard(flight.job))
            self._carry_out_all(self._evaluator.handle(ppg_graph.Failed(node)))
        else:
            self._carry_out_all(self._evaluator.handle(ppg_graph.Cancelled(node)))
        self._outcomes.not_done(flight.job)

    def discard_all(self) -> None:
        """End the running jobs, and drop all."""
        self._end_running()
        for node in sorted(self._in_flight):
            self.discard(node)

    def abandon(self) -> int:
        """End the running jobs and remove their partial outputs after an error; return their number.

        The evaluator and the store take no part in it: one of them may have caused the error.
        """
        self._end_running()
        ended = 0
        for node in sorted(self._in_flight):
            flight = self._in_flight.pop(node)
            # A job that succeeded just before the error has whole files.
            if flight.with_executor and flight.has_begun:
                ended += 1
                self._warn_of(discard_files(flight.job))
            self._outcomes.not_done(flight.job)
        return ended

    def _warn_of(self, problems: Iterable[str]) -> None:
        for problem in problems:
            self._publish(events.Warned(problem))

    def _end_running(self) -> None:
        running = [flight.job.job_id for flight in self._in_flight.values() if flight.with_executor]
        for job_id in end_all(self._executor, running):
            self._in_flight[self._pipegraph.job(job_id)._node].has_begun = True
