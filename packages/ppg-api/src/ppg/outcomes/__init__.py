"""Outcomes: the room for the task of a job, and for what the executor and the user get to know of its end."""
