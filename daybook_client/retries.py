"""When a request is sent again, and after how long: decided here, slept elsewhere."""

import random
from typing import NamedTuple

from daybook_client.calls import Call

# Nobody acted on the request, or the key sees to it that it acts once.
_WORTH_ANOTHER = frozenset({502, 503, 504})


class Retries(NamedTuple):
    """`attempts_max` counts the first one, too. What the service asks to wait is waited for, up to
    `wait_seconds_max`; beyond that the error is the caller's to handle."""

    attempts_max: int = 4
    first_wait_seconds: float = 0.2
    wait_seconds_max: float = 30.0

    def wait_seconds(
        self, call: Call[object], attempt: int, status: int | None, retry_after: int | None
    ) -> float | None:
        """How long until the next attempt after the `attempt`th, which was answered with `status` (None: not
        at all). None: there is none."""
        if attempt >= self.attempts_max:
            return None
        if status == 429:
            # Without Retry-After it is a limit on money, which waiting a little does not change.
            if retry_after is None:
                return None
        elif (status is not None and status not in _WORTH_ANOTHER) or not call.is_repeatable:
            return None
        if retry_after is not None:
            return float(retry_after) if retry_after <= self.wait_seconds_max else None
        # Spread out, so that callers that failed together do not come back together.
        longest = min(self.first_wait_seconds * 2 ** (attempt - 1), self.wait_seconds_max)
        return random.uniform(longest / 2, longest)


NEVER = Retries(attempts_max=1)
