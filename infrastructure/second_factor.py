"""Second factors: no user has enrolled one yet, so outside the sandbox no code is right."""

import hmac

SANDBOX_CODE = "123456"


class SecondFactor:
    """In the sandbox one fixed code is accepted, too."""

    def __init__(self, *, is_sandbox: bool) -> None:
        self._is_sandbox = is_sandbox

    def is_valid(self, code: str) -> bool:
        return self._is_sandbox and hmac.compare_digest(code.encode(), SANDBOX_CODE.encode())
