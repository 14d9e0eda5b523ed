"""Protocol: defines the events and effects of the evaluator, the states of jobs and the reasons to run."""
