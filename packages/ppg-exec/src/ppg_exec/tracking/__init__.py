"""tracking: notes which files a task uses, in its process and in those that it forks."""
