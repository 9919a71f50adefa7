"""What may be asked: commands, handlers, the writer, timers."""
