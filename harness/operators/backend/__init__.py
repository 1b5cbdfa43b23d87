"""The arrays that operators compute on: numpy's and torch's, behind one set of primitives."""
