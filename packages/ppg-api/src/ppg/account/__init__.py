"""Account: groups the reasons and failures of a run, and sums them up for the user."""
