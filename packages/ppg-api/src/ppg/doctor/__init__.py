"""Doctor: finds what of a machine, a project's folder and the environment makes a difference to ppg."""
