"""Names of files: every spelling of a path leads to the same name."""

import os

from hypothesis import given
from hypothesis import strategies as st

from ppg.paths import normalised


@given(
    st.lists(st.sampled_from(["project", "home", "a", "..", ".", "..a"]), min_size=1, max_size=6),
    st.sampled_from(["", "/", "/home/project/", "/home/"]),
)
def test_every_spelling_of_a_path_is_the_one_way_that_leads_to_it_from_the_root(parts, begin):
    root = "/home/project"
    path = begin + "/".join(parts)
    assert normalised(path, root) == os.path.relpath(os.path.normpath(os.path.join(root, path)), root)
