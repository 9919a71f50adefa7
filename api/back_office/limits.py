"""How often a client may call the back office: reads and writes apart, and less for what is costly."""

import re
from collections.abc import Mapping

from infrastructure.rate_limits import Limit
from infrastructure.settings import Settings

READ, WRITE, ACCOUNT_CREATION, PASSWORD_RESET = "read", "write", "account_creation", "password_reset"

_READS = Limit("read", 1000, 3600)
_WRITES = Limit("write", 100, 3600)

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# A trailing slash leads to the same route.
_REPORT = re.compile(r"/backoffice/v1/reports/custom/*")
_ACCOUNTS = re.compile(r"/backoffice/v1/accounts/*")
_RESET = re.compile(r"/backoffice/v1/users/[^/]+/password-reset/*")


def limits(_: Settings) -> Mapping[str, tuple[Limit, ...]]:
    """By the kind of a request. What makes an account or resets a password is a write, too."""
    return {
        READ: (_READS,),
        WRITE: (_WRITES,),
        ACCOUNT_CREATION: (_WRITES, Limit("account creation", 10, 60)),
        PASSWORD_RESET: (_WRITES, Limit("password reset", 5, 60)),
    }


def kind_of(method: str, path: str) -> str:
    """A report is read, although what it is of is posted; a batch is one write."""
    if method in _SAFE_METHODS:
        return READ
    if method == "POST":
        if _REPORT.fullmatch(path):
            return READ
        if _ACCOUNTS.fullmatch(path):
            return ACCOUNT_CREATION
        if _RESET.fullmatch(path):
            return PASSWORD_RESET
    return WRITE
