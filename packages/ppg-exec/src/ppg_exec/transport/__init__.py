"""Transport: messages between the processes, and waiting for them."""
