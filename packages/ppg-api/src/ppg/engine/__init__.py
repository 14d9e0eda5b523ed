"""Engine: runs a graph; carries out the decisions of the evaluator."""
