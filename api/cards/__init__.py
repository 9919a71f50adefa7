"""The card transaction authorization centre's surface."""
