"""Personal data: sealed per person, found by keyed digests, and gone with the key everywhere at once."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from infrastructure.personal_data import TABLES, Person, PersonalData
from infrastructure.reads import Database
from infrastructure.subject_words import SubjectWords

T = TypeVar("T")

MASTER_KEY = bytes(range(32))
NOW = datetime(2025, 10, 20, 15, 30, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
TOKEN = b"token"
_AGE_CLAIMS = "update {schema}.subject_emails set claimed_at = now() - interval '2 minutes' returning subject"
_FOUND = """
select subject from {schema}.subject_words where field = %(field)s and digests @> %(digests)s::bigint[]
"""


class Scene:
    """One tenant's personal data, as two processes see it."""

    def __init__(self, schema: str, database: Database, first: PersonalData, second: PersonalData) -> None:
        self.schema = schema
        self.database = database
        self.first = first
        self.second = second

    async def found(self, text: str, field: str = "name") -> set[str]:
        digests = self.first.searched(self.schema, text, [field])[field]
        rows = await self.database.fetch(self.schema, _FOUND, {"field": field, "digests": digests})
        return {row["subject"] for row in rows}


@pytest.fixture
def played(
    postgres_dsn: str, new_tenant: Callable[[], str]
) -> Callable[[Callable[[Scene], Awaitable[T]]], T]:
    """Runs a scene on a tenant of its own."""
    schema = new_tenant()

    async def run(work: Callable[[Scene], Awaitable[T]]) -> T:
        async with AsyncExitStack() as stack:
            databases = []
            for _ in range(2):
                database = Database(postgres_dsn)
                stack.push_async_callback(database.close)
                await database.start()
                databases.append(database)
            processes = [PersonalData(database, lambda: MASTER_KEY) for database in databases]
            return await work(Scene(schema, databases[0], *processes))

    return lambda work: asyncio.run(run(work))


Play = Callable[[Callable[[Scene], Awaitable[None]]], None]


def test_what_is_sealed_for_one_person_opens_for_nobody_else(played: Play) -> None:
    """Nor as another member of theirs."""

    async def scene(scene: Scene) -> None:
        ann = await scene.first.new_subject(scene.schema, "ann")
        bob = await scene.first.new_subject(scene.schema, "bob")
        sealed = ann.close("Ann", "name")
        assert "Ann" not in sealed
        assert ann.close("Ann", "name") != sealed
        assert ann.open(sealed, "name") == "Ann"
        assert ann.open(None, "name") is None
        assert (bob.open(sealed, "name"), ann.open(sealed, "email")) == (None, None)
        assert (await scene.second.seals(scene.schema, ["ann"]))["ann"].open(sealed, "name") == "Ann"

    played(scene)


def test_a_person_gets_one_key_however_often_it_is_asked_for(played: Play) -> None:
    async def scene(scene: Scene) -> None:
        processes = [scene.first, scene.second] * 3
        seals = await asyncio.gather(*(each.new_subject(scene.schema, "ann") for each in processes))
        sealed = seals[0].close("Ann", "name")
        assert {own.open(sealed, "name") for own in seals} == {"Ann"}

    played(scene)


def test_a_destroyed_key_is_gone_on_every_process_at_once(played: Play) -> None:
    async def scene(scene: Scene) -> None:
        schema, person = scene.schema, Person("Ann Roe", "ann@example.com", "+15551234567")
        sealed = (await scene.first.new_subject(schema, "ann")).close("Ann", "name")
        await scene.first.make_findable(schema, "ann", person)
        digest = scene.first.email_digest(schema, "ann@example.com")
        await scene.first.claim(schema, digest, "ann")
        await scene.first.put_reset(schema, TOKEN, "ann", LATER, NOW)
        assert (await scene.second.seals(schema, ["ann"]))["ann"].open(sealed, "name") == "Ann"
        for _ in range(2):
            await scene.first.destroy(schema, "ann")
        for process in (scene.first, scene.second):
            assert await process.seals(schema, ["ann"]) == {}
            assert await process.holder(schema, "ann@example.com") is None
        for table in TABLES:
            assert await scene.database.fetch(schema, f"select 1 from {{schema}}.{table}", {}) == []
        # Another key of the same person opens nothing of the old one.
        assert (await scene.second.new_subject(schema, "ann")).open(sealed, "name") is None

    played(scene)


def test_an_erasure_waits_for_who_is_changing_the_data(played: Play) -> None:
    async def scene(scene: Scene) -> None:
        schema = scene.schema
        await scene.first.new_subject(schema, "ann")
        async with scene.first.changing(schema, "ann") as own:
            assert own is not None
            erasing = asyncio.create_task(scene.second.destroy(schema, "ann"))
            await scene.first.make_also_findable(schema, "ann", Person("Ann", None))
            await scene.first.claim(schema, b"digest", "ann")
            assert not erasing.done()
        await erasing
        assert await scene.found("ann") == set()
        assert await scene.first.claim(schema, b"digest", "bob") == "bob"
        async with scene.first.changing(schema, "ann") as own:
            assert own is None

    played(scene)


def test_an_address_is_one_persons(played: Play) -> None:
    """Of many who want it at once on two processes too; and of the next one when it was released."""

    async def scene(scene: Scene) -> None:
        schema = scene.schema
        digest = scene.first.email_digest(schema, "Ann@Example.com")
        assert digest == scene.second.email_digest(schema, " ann@EXAMPLE.COM")
        assert digest != scene.second.email_digest("bank_other", "ann@example.com")
        wanted = [(scene.first, f"a{n}") for n in range(4)] + [(scene.second, f"b{n}") for n in range(4)]
        holders = await asyncio.gather(*(each.claim(schema, digest, who) for each, who in wanted))
        (holder,) = set(holders)
        await scene.first.release(schema, digest, "somebody else")
        assert await scene.first.claim(schema, digest, "c") == holder
        await scene.first.release(schema, digest, holder)
        assert await scene.second.claim(schema, digest, "c") == "c"

    played(scene)


def test_a_claim_is_taken_over_only_when_it_is_old(played: Play) -> None:
    async def scene(scene: Scene) -> None:
        schema = scene.schema
        await scene.first.claim(schema, b"digest", "ann")
        assert not await scene.second.take_over(schema, b"digest", "ann", "bob")
        await scene.database.fetch(schema, _AGE_CLAIMS, {})
        assert not await scene.second.take_over(schema, b"digest", "carl", "bob")
        assert await scene.second.take_over(schema, b"digest", "ann", "bob")
        assert not await scene.first.take_over(schema, b"digest", "ann", "carl")

    played(scene)


def test_people_are_found_by_what_was_noted_last(played: Play) -> None:
    async def scene(scene: Scene) -> None:
        schema, process = scene.schema, scene.first
        await process.make_findable(schema, "ann", Person("Ann Roe", "ann@example.com"))
        await process.make_findable(schema, "ann", Person("Not She", None))
        assert (await scene.found("ann"), await scene.found("she")) == ({"ann"}, set())
        await process.make_also_findable(schema, "ann", Person("Ann Doe", None))
        assert (await scene.found("roe"), await scene.found("doe")) == ({"ann"}, {"ann"})
        await process.make_only_findable(schema, "ann", Person("Ann Doe", None))
        assert (await scene.found("roe"), await scene.found("doe")) == (set(), {"ann"})
        assert await scene.found("example", "email") == {"ann"}

    played(scene)


def test_a_reset_is_used_once_and_by_one(played: Play) -> None:
    """A use that fails leaves it good; one that succeeds ends all of the person's."""

    async def scene(scene: Scene) -> None:
        schema = scene.schema
        for token in (TOKEN, b"other"):
            await scene.first.put_reset(schema, token, "ann", LATER, NOW)
        with pytest.raises(ZeroDivisionError):
            async with scene.first.using_reset(schema, TOKEN, NOW) as who:
                assert who == "ann"
                raise ZeroDivisionError

        async def use(process: PersonalData) -> str | None:
            async with process.using_reset(schema, TOKEN, NOW) as who:
                return who

        used = await asyncio.gather(use(scene.first), use(scene.second), use(scene.first))
        assert sorted(map(str, used)) == ["None", "None", "ann"]
        await scene.first.put_reset(schema, TOKEN, "ann", LATER, NOW)
        for token in (TOKEN, b"other", b"unknown"):
            async with scene.second.using_reset(schema, token, NOW) as who:
                assert who is None

    played(scene)


def test_a_reset_expires(played: Play) -> None:
    async def scene(scene: Scene) -> None:
        await scene.first.put_reset(scene.schema, TOKEN, "ann", LATER, NOW)
        async with scene.first.using_reset(scene.schema, TOKEN, LATER) as who:
            assert who is None

    played(scene)


def test_what_an_idempotent_request_says_of_a_person_is_told_apart_and_not_told() -> None:
    process = PersonalData(Database("dbname=unused"), lambda: MASTER_KEY)
    people = [
        Person("Ann", "a@b.example"),
        Person("Ann", "a@b.example", ""),
        Person("Ann", None),
        Person(None, "Ann"),
    ]
    digests = {process.content_digest("bank_a", person) for person in people}
    assert len(digests) == len(people)
    assert process.content_digest("bank_b", people[0]) not in digests


WORDS = SubjectWords(bytes(32))


@pytest.mark.parametrize(
    ("field", "text", "searched"),
    [
        ("name", "Jane Doe", "JANE"),
        ("name", "Jane Doe", "doe, jane"),
        ("name", "Jane Doe", "ja"),
        ("name", "Zoë O'Neill", "zoe"),
        ("name", "Zoe O'Neill", "zoë o"),
        ("name", "Straße", "strasse"),
        ("name", "李 小龙", "小龙"),
        ("name", "x" * 140, "x" * 100),
        ("email", "john.doe@example.com", "john.doe"),
        ("email", "john.doe@example.com", "John.Doe@Example.com"),
        ("email", "john.doe@example.com", "example"),
        ("phone", "+15551234567", "+1 (555) 123-4567"),
        ("phone", "+15551234567", "555 123 4567"),
        ("phone", "+15551234567", "4567"),
        ("phone", "+15551234567", "+1555"),
    ],
)
def test_a_search_that_finds(field: str, text: str, searched: str) -> None:
    wanted = WORDS.searched(field, searched)
    assert wanted
    assert set(wanted) <= set(WORDS.of(field, text))


@pytest.mark.parametrize(
    ("field", "text", "searched"),
    [
        ("name", "Jane Doe", "j"),
        ("name", "Jane Doe", "ane"),
        ("name", "Jane Doe", "jane roe"),
        ("name", "Jane Doe", "janet"),
        ("email", "john.doe@example.com", "john.doe@example.org"),
        ("phone", "+15551234567", "123"),
        ("phone", "+15551234567", "567"),
        ("phone", "+15551234567", "call 4567"),
        ("phone", "+15551234567", "4567x"),
    ],
)
def test_a_search_that_does_not_find(field: str, text: str, searched: str) -> None:
    wanted = WORDS.searched(field, searched)
    assert not wanted or not set(wanted) <= set(WORDS.of(field, text))


def test_digests_of_another_bank_or_field_are_others() -> None:
    theirs = SubjectWords(bytes(31) + b"x")
    assert set(WORDS.of("name", "Jane")).isdisjoint(theirs.of("name", "Jane"))
    assert set(WORDS.of("name", "Jane")).isdisjoint(WORDS.of("email", "Jane"))
