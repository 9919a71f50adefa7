"""The ledger's clock: the machine's, or in the sandbox one that can be moved forward."""

import mmap
import os
import struct
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET = struct.Struct("<q")


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class SandboxClock:
    """Runs at normal speed, some microseconds away from the machine's clock.

    The distance lives in a small file that all processes of the service map into memory, so that a jump is
    seen by every one of them at once.
    """

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if os.fstat(descriptor).st_size < _OFFSET.size:
                os.ftruncate(descriptor, _OFFSET.size)
            self._memory = mmap.mmap(descriptor, _OFFSET.size)
        finally:
            os.close(descriptor)

    def now(self) -> datetime:
        (offset,) = _OFFSET.unpack_from(self._memory)
        return _EPOCH + timedelta(microseconds=time.time_ns() // 1000 + offset)

    def move_to(self, instant: datetime) -> None:
        """The clock shows `instant` now and runs on from there."""
        target = (instant - _EPOCH) // timedelta(microseconds=1)
        # One aligned 8-byte store: a reader in another process sees the old distance or the new one.
        _OFFSET.pack_into(self._memory, 0, target - time.time_ns() // 1000)
