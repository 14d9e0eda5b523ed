"""tracing: notes by strace which files a task uses in native code, and in the programs that it starts."""
