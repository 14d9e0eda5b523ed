"""JSON form: writes pictures for programs.

The schema, version 1::

    {
      "format": "ppg-graph", "version": 1,
      "jobs": [{"id": str,            # the job's id, or the name of a group
                "label": str,
                "kind": str | null,   # invariant, output, lazy, load, generator; null: a group of several kinds
                "jobs": int,          # 1, or how many jobs the group has
                "states": {str: int}  # how many jobs are in which state; empty if states are not known
               }],
      "edges": [{"upstream": int,     # position in "jobs"
                 "downstream": int,
                 "edges": int,        # 1, or how many edges between two groups
                 "parts": [str] | null  # the only files that downstream depends on; null: on all of upstream
                }],
      "left_out": {"jobs": int, "edges": int}
    }
"""

from __future__ import annotations

import json

from ppg_graph.drawing.picture import Picture

__all__ = ["as_json"]


def as_json(picture: Picture) -> str:
    """Return the picture as indented JSON."""
    document = {
        "format": "ppg-graph",
        "version": 1,
        "jobs": [
            {
                "id": box.name,
                "label": box.label,
                "kind": box.kind.value if box.kind else None,
                "jobs": box.jobs,
                "states": {state.name: count for state, count in sorted(box.states.items())},
            }
            for box in picture.boxes
        ],
        "edges": [
            {
                "upstream": arrow.upstream,
                "downstream": arrow.downstream,
                "edges": arrow.edges,
                "parts": None if arrow.parts is None else list(arrow.parts),
            }
            for arrow in picture.arrows
        ],
        "left_out": {"jobs": picture.boxes_left_out, "edges": picture.arrows_left_out},
    }
    return json.dumps(document, indent=1) + "\n"
