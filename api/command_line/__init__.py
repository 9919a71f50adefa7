"""The `daybook` command line."""

from api.command_line.program import main

__all__ = ["main"]
