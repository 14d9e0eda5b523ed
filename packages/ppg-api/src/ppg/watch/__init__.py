"""Watch: lets other terminals see a run that goes on, and pass commands to it."""
