"""Makes system calls of a run fail: the program of `search.py`."""

from tests.faults.io_faults.search import main

if __name__ == "__main__":
    main()
