"""The load generator and the yardstick, checked for correctness and never for speed."""
