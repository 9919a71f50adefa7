"""`python -m api.command_line`: the same as `daybook`."""

from api.command_line.program import main

main()
