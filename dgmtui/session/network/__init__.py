"""The network of one iteration as a graph: module calls and the functions between them, and what flows from one to the
next. Made from the trace alone, without torch; ranges are put on it where the iteration was replayed."""
