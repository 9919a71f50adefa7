"""The clock is a port: all decisions use the ledger's clock, never a client's or the machine's."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The ledger's present, aware and in UTC."""
        ...
