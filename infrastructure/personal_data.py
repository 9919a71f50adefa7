"""Personal data is sealed with a key of the person's own, and erased by destroying that key.

Keys live in the tenant's table `subject_keys`, sealed with the service's master key. No process remembers
one: each use asks the primary database, so that a key that is gone is gone everywhere at once. Beside them
live digests, keyed too: of e-mail addresses, so that each is one person's, and of words, so that people are
found.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final, NamedTuple

from infrastructure.reads import Database
from infrastructure.sealing import KEY_BYTES, CannotOpen, Seal
from infrastructure.subject_words import FIELDS, SubjectWords

# Emptied with a sandbox's history.
TABLES: Final = ("subject_keys", "subject_emails", "subject_words", "password_resets")

# Who changes personal data holds a connection while others are needed, so not all may do so at once.
_CHANGES_MAX = 4
_PURPOSE: Final = b"digests of personal data of "

_NEW_KEY = """
insert into {schema}.subject_keys (subject, sealed_key) values (%(subject)s, %(sealed_key)s)
on conflict (subject) do nothing returning subject
"""
_KEYS = "select subject, sealed_key from {schema}.subject_keys where subject = any(%(subjects)s::text[])"
_HOLD_KEY = "select sealed_key from {schema}.subject_keys where subject = %(subject)s for update"
_DESTROY_KEY = "delete from {schema}.subject_keys where subject = %(subject)s returning subject"

_CLAIM = """
insert into {schema}.subject_emails (digest, subject) values (%(digest)s, %(subject)s)
on conflict (digest) do nothing returning subject
"""
_HOLDER = "select subject from {schema}.subject_emails where digest = %(digest)s"
_RELEASE = """
delete from {schema}.subject_emails where digest = %(digest)s and subject = %(subject)s returning subject
"""
# A claim that is younger may be of somebody who is just about to get the address.
_TAKE_OVER = """
update {schema}.subject_emails set subject = %(subject)s, claimed_at = now()
where digest = %(digest)s and subject = %(holder)s and claimed_at < now() - interval '1 minute'
returning subject
"""
_FORGET_EMAILS = "delete from {schema}.subject_emails where subject = %(subject)s returning subject"

_FIRST_WORDS = """
insert into {schema}.subject_words (subject, field, digests)
values (%(subject)s, %(field)s, %(digests)s::bigint[])
on conflict (subject, field) do nothing returning subject
"""
_MORE_WORDS = """
insert into {schema}.subject_words as w (subject, field, digests)
values (%(subject)s, %(field)s, %(digests)s::bigint[])
on conflict (subject, field) do update
set digests = array(select distinct unnest(w.digests || excluded.digests)) returning subject
"""
_WORDS = """
insert into {schema}.subject_words (subject, field, digests)
values (%(subject)s, %(field)s, %(digests)s::bigint[])
on conflict (subject, field) do update set digests = excluded.digests returning subject
"""
_FORGET_WORDS = "delete from {schema}.subject_words where subject = %(subject)s returning subject"

_PUT_RESET = """
insert into {schema}.password_resets (token_hash, subject, expires_at)
values (%(token_hash)s, %(subject)s, %(expires_at)s) on conflict (token_hash) do nothing returning subject
"""
_HOLD_RESET = """
select subject from {schema}.password_resets
where token_hash = %(token_hash)s and expires_at > %(now)s and not is_used for update
"""
_USE_RESETS = (
    "update {schema}.password_resets set is_used = true where subject = %(subject)s returning subject"
)
_FORGET_RESETS = "delete from {schema}.password_resets where subject = %(subject)s returning subject"
_SWEEP_RESETS = "delete from {schema}.password_resets where expires_at < %(now)s returning subject"


class Person(NamedTuple):
    """Who somebody is, in clear. What is None is not there, or not said; an empty phone is to go away."""

    name: str | None
    email: str | None
    phone: str | None = None


class SubjectSeal:
    """Seals and opens what belongs to one person."""

    def __init__(self, subject: str, key: bytes) -> None:
        self.subject = subject
        self._seal = Seal(key)

    def close(self, text: str, member: str) -> str:
        return self._seal.close(text, f"{self.subject} {member}")

    def open(self, sealed: str | None, member: str) -> str | None:
        """None where there is nothing, or where it was sealed with a key that is no more."""
        if sealed is None:
            return None
        try:
            return self._seal.open(sealed, f"{self.subject} {member}")
        except CannotOpen:
            return None


class PersonalData:
    """`master_key` is asked for when it is needed. Schemas are tenants'. All methods raise
    StoreUnavailable."""

    def __init__(self, primary: Database, master_key: Callable[[], bytes]) -> None:
        self._primary = primary
        self._master_key = master_key
        self._changes = asyncio.Semaphore(_CHANGES_MAX)

    async def new_subject(self, schema: str, subject: str) -> SubjectSeal:
        """The seal of somebody new, or the one that was made for them before."""
        key = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
        sealed_key = Seal(self._master_key()).close(key, _place(schema, subject))
        await self._primary.fetch(schema, _NEW_KEY, {"subject": subject, "sealed_key": sealed_key})
        return (await self.seals(schema, [subject]))[subject]

    async def seals(self, schema: str, subjects: Iterable[str]) -> Mapping[str, SubjectSeal]:
        """The seals of those of the subjects who have one: who was erased has none."""
        rows = await self._primary.fetch(schema, _KEYS, {"subjects": list(subjects)})
        return {row["subject"]: self._opened(schema, **row) for row in rows}

    @asynccontextmanager
    async def changing(self, schema: str, subject: str) -> AsyncIterator[SubjectSeal | None]:
        """Nobody else changes or erases the person's data until the block ends. None: they have no key."""
        async with self._changes, self._primary.transaction(schema) as run:
            rows = await run(_HOLD_KEY, {"subject": subject})
            yield self._opened(schema, subject, rows[0]["sealed_key"]) if rows else None

    async def destroy(self, schema: str, subject: str) -> None:
        """The key, and every digest by which the person could be recognised. Safe to repeat."""
        which = {"subject": subject}
        async with self._changes, self._primary.transaction(schema) as run:
            await run(_HOLD_KEY, which)
            for statement in (_FORGET_EMAILS, _FORGET_WORDS, _FORGET_RESETS, _DESTROY_KEY):
                await run(statement, which)

    def email_digest(self, schema: str, email: str) -> bytes:
        """The same for an address however it is cased."""
        folded = unicodedata.normalize("NFC", email.strip().casefold())
        return hmac.digest(self._tenant_key(schema), f"address:{folded}".encode(), hashlib.sha256)

    def content_digest(self, schema: str, person: Person) -> str:
        """What of a person goes into the content of an idempotent request."""
        parts = "".join("-" if part is None else f"{len(part)}:{part}" for part in person)
        return hmac.digest(self._tenant_key(schema), f"content:{parts}".encode(), hashlib.sha256).hex()

    async def claim(self, schema: str, digest: bytes, subject: str) -> str:
        """Whose the address is now: the subject's where it was nobody's."""
        which = {"digest": digest, "subject": subject}
        while True:
            claimed = await self._primary.fetch(schema, _CLAIM, which)
            holders = claimed or await self._primary.fetch(schema, _HOLDER, which)
            # None: released between the two.
            if holders:
                holder: str = holders[0]["subject"]
                return holder

    async def take_over(self, schema: str, digest: bytes, holder: str, subject: str) -> bool:
        """Takes an address from one who turned out not to have it: from a claim that came to nothing."""
        which = {"digest": digest, "holder": holder, "subject": subject}
        return bool(await self._primary.fetch(schema, _TAKE_OVER, which))

    async def release(self, schema: str, digest: bytes, subject: str) -> None:
        await self._primary.fetch(schema, _RELEASE, {"digest": digest, "subject": subject})

    async def holder(self, schema: str, email: str) -> str | None:
        """Who has the address, or is about to get it."""
        digest = self.email_digest(schema, email)
        rows = await self._primary.fetch(schema, _HOLDER, {"digest": digest})
        return rows[0]["subject"] if rows else None

    async def make_findable(self, schema: str, subject: str, person: Person) -> bool:
        """By what a person who is new is called, where nothing was noted yet; whether that was so."""
        return await self._note(schema, _FIRST_WORDS, subject, person)

    async def make_also_findable(self, schema: str, subject: str, person: Person) -> None:
        """By what is given, too."""
        await self._note(schema, _MORE_WORDS, subject, person)

    async def make_only_findable(self, schema: str, subject: str, person: Person) -> None:
        """By what is given and, in the fields that are given, by nothing else any more."""
        await self._note(schema, _WORDS, subject, person)

    def searched(self, schema: str, text: str, fields: Sequence[str]) -> dict[str, list[int]]:
        """By field, what a person must have there to be found; empty where they cannot be found there."""
        words = self._words(schema)
        return {field: words.searched(field, text) if field in fields else [] for field in FIELDS}

    async def put_reset(
        self, schema: str, token_hash: bytes, subject: str, expires_at: datetime, now: datetime
    ) -> None:
        """Lets whoever has the token set the subject's password until then, once. Safe to repeat."""
        await self._primary.fetch(schema, _SWEEP_RESETS, {"now": now})
        which = {"token_hash": token_hash, "subject": subject, "expires_at": expires_at}
        await self._primary.fetch(schema, _PUT_RESET, which)

    @asynccontextmanager
    async def using_reset(self, schema: str, token_hash: bytes, now: datetime) -> AsyncIterator[str | None]:
        """Whose password may be set with the token, None where nobody's. When the block ends without an
        error none of the person's tokens is good any more."""
        async with self._changes, self._primary.transaction(schema) as run:
            rows = await run(_HOLD_RESET, {"token_hash": token_hash, "now": now})
            subject: str | None = rows[0]["subject"] if rows else None
            yield subject
            if subject is not None:
                await run(_USE_RESETS, {"subject": subject})

    async def _note(self, schema: str, statement: str, subject: str, person: Person) -> bool:
        """Whether all of it was written."""
        words, is_noted = self._words(schema), True
        async with self._primary.transaction(schema) as run:
            for field, text in zip(FIELDS, person, strict=True):
                if text is not None:
                    noted = {"subject": subject, "field": field, "digests": words.of(field, text)}
                    is_noted &= bool(await run(statement, noted))
        return is_noted

    def _words(self, schema: str) -> SubjectWords:
        return SubjectWords(self._tenant_key(schema))

    def _tenant_key(self, schema: str) -> bytes:
        return hmac.digest(self._master_key(), _PURPOSE + schema.encode(), hashlib.sha256)

    def _opened(self, schema: str, subject: str, sealed_key: str) -> SubjectSeal:
        key = Seal(self._master_key()).open(sealed_key, _place(schema, subject))
        return SubjectSeal(subject, base64.b64decode(key))


def _place(schema: str, subject: str) -> str:
    return f"key of {subject} in {schema}"
