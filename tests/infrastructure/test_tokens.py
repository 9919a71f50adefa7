"""Access tokens: only what was signed here is believed, nothing else does more harm than a refusal."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from infrastructure.signing_keys import SigningKeys
from infrastructure.tokens import ALL_ROLES, ALL_SCOPES, InvalidToken, Tokens, UnknownKey
from tests.control_database import control_database

NOW = datetime(2023, 5, 1, 14, 30, tzinfo=UTC)


@pytest.fixture
def control_dsn(postgres_dsn: str) -> Iterator[str]:
    with control_database(postgres_dsn) as dsn:
        yield dsn


@asynccontextmanager
async def running(dsn: str, reload_interval_seconds: float = 0.0) -> AsyncIterator[Tokens]:
    tokens = Tokens(dsn, SigningKeys(dsn, reload_interval_seconds))
    await tokens.start()
    try:
        yield tokens
    finally:
        await tokens.close()


def with_tokens(dsn: str, story: Callable[[Tokens], Awaitable[None]]) -> None:
    async def run() -> None:
        async with running(dsn) as tokens:
            await story(tokens)

    asyncio.run(run())


def issue(tokens: Tokens, lifetime_seconds: int = 3600, subject: str = "user_demo") -> str:
    return tokens.issue(
        subject=subject,
        client_id="sandbox",
        scopes=frozenset({"transfers", "gl.read"}),
        roles=frozenset({"wallet_manager"}),
        tenant="test-bank-001",
        lifetime_seconds=lifetime_seconds,
        now=NOW,
    )


def segment(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def good_payload(**changes: Any) -> dict[str, Any]:
    seconds = int(NOW.timestamp())
    payload = {
        "sub": "user_demo",
        "client_id": "sandbox",
        "scope": "transfers",
        "roles": [],
        "tenant": "test-bank-001",
        "iat": seconds,
        "exp": seconds + 3600,
        "jti": "one",
    }
    return {name: value for name, value in (payload | changes).items() if value is not ...}


def signed_here(tokens: Tokens, payload: object, **header: Any) -> str:
    """Signed with the real key, whatever the payload."""
    signer = tokens.keys.signer
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return jws.serialize_compact({"alg": "ES256", "kid": signer.key_id} | header, raw, signer.key)


def assert_refused(tokens: Tokens, token: str, now: datetime = NOW) -> None:
    for _ in range(2):  # the second time from what is remembered
        with pytest.raises(InvalidToken) as refusal:
            tokens.verify(token, now)
        assert refusal.value.__cause__ is None
        assert refusal.value.__context__ is None
        assert len(token) < 20 or token[-20:] not in str(refusal.value)


def test_a_token_says_what_it_was_issued_with(control_dsn: str) -> None:
    """Every claim comes back, the first time and from memory."""

    async def story(tokens: Tokens) -> None:
        token = issue(tokens)
        for _ in range(2):
            claims = tokens.verify(token, NOW)
            assert claims.subject == "user_demo"
            assert claims.client_id == "sandbox"
            assert claims.scopes == {"transfers", "gl.read"}
            assert claims.roles == {"wallet_manager"}
            assert claims.tenant == "test-bank-001"
            assert claims.issued_at == NOW.timestamp()
            assert claims.expires_at == NOW.timestamp() + 3600
            assert claims.token_id
        assert tokens.verify(issue(tokens), NOW).token_id != claims.token_id

    with_tokens(control_dsn, story)


def test_a_token_lives_by_the_ledger_clock(control_dsn: str) -> None:
    """Valid until the second that it expires in, judged by the time that is passed, remembered or not."""

    async def story(tokens: Tokens) -> None:
        seen, unseen = issue(tokens), issue(tokens)
        tokens.verify(seen, NOW + timedelta(seconds=3599.999))
        for token in (seen, unseen):
            assert_refused(tokens, token, NOW + timedelta(seconds=3600))
        tokens.verify(unseen, NOW + timedelta(seconds=3599))

    with_tokens(control_dsn, story)


def test_a_token_outlives_its_process(control_dsn: str) -> None:
    """The key is in the database: another process and the next start verify with it."""
    token: list[str] = []

    async def before(tokens: Tokens) -> None:
        token.append(issue(tokens))

    async def after(tokens: Tokens) -> None:
        assert tokens.verify(token[0], NOW).subject == "user_demo"

    with_tokens(control_dsn, before)
    with_tokens(control_dsn, after)


def test_processes_that_start_together_make_one_key(control_dsn: str) -> None:
    """However many start on an empty database, all sign with the same key."""

    async def story() -> None:
        async with AsyncExitStack() as stack:
            processes = [Tokens(control_dsn) for _ in range(6)]
            for tokens in processes:
                stack.push_async_callback(tokens.close)
            await asyncio.gather(*(tokens.start() for tokens in processes))
            assert len({tokens.keys.signer.key_id for tokens in processes}) == 1
            assert all(len(tokens.jwks()["keys"]) == 1 for tokens in processes)

    asyncio.run(story())


def test_a_rotated_key_is_noticed_by_the_others(control_dsn: str) -> None:
    """Old tokens go on, new ones are signed anew, and another process finds the new key when it meets it."""

    async def story() -> None:
        async with running(control_dsn) as one, running(control_dsn) as other:
            old = issue(one)
            first_key = one.keys.signer.key_id
            assert await one.keys.rotate() != first_key
            new = issue(one)
            assert one.verify(old, NOW)
            with pytest.raises(UnknownKey):
                other.verify(new, NOW)
            assert await other.verify_slowly(new, NOW) == one.verify(new, NOW)
            assert other.verify(new, NOW)
            assert other.keys.signer.key_id == one.keys.signer.key_id
            assert len(other.jwks()["keys"]) == 2

    asyncio.run(story())


def test_simultaneous_rotations_end_with_the_same_key(control_dsn: str) -> None:
    """Two operators who rotate at once get one order of keys, not two."""

    async def story() -> None:
        async with running(control_dsn) as one, running(control_dsn) as other:
            await asyncio.gather(one.keys.rotate(), other.keys.rotate())
            for token, reader in ((issue(one), other), (issue(other), one)):
                assert await reader.verify_slowly(token, NOW)
            assert one.keys.signer.key_id == other.keys.signer.key_id

    asyncio.run(story())


def test_a_retired_key_ends_its_tokens_and_leaves_no_private_half(control_dsn: str) -> None:
    """Also tokens that were remembered as good."""

    async def story(tokens: Tokens) -> None:
        old = issue(tokens)
        tokens.verify(old, NOW)
        await tokens.keys.rotate()
        new = issue(tokens)
        await tokens.keys.retire_older()
        assert_refused(tokens, old)
        assert tokens.verify(new, NOW)
        assert len(tokens.jwks()["keys"]) == 1

    with_tokens(control_dsn, story)
    with psycopg.connect(control_dsn) as connection:
        rows = connection.execute(
            "select private_jwk is null from daybook.signing_keys order by generation"
        ).fetchall()
    assert rows == [(True,), (False,)]


def test_made_up_key_ids_share_one_query(control_dsn: str) -> None:
    """A hundred tokens with keys that never were cost at most two reads: the running one and the next."""

    async def story(tokens: Tokens) -> None:
        before = tokens.keys.loads
        hostile = [
            f"{segment({'alg': 'ES256', 'kid': f'{number:043}'})}.{segment(good_payload())}.AAAA"
            for number in range(100)
        ]
        answers = await asyncio.gather(
            *(tokens.verify_slowly(token, NOW) for token in hostile), return_exceptions=True
        )
        assert all(isinstance(answer, InvalidToken) for answer in answers)
        assert tokens.keys.loads - before <= 2

    with_tokens(control_dsn, story)


def test_the_public_keys_hold_no_private_half(control_dsn: str) -> None:
    """The key set is an RFC 7517 one that other software verifies with."""

    async def story(tokens: Tokens) -> None:
        (key,) = tokens.jwks()["keys"]
        assert key.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}
        token = issue(tokens)
        assert jws.deserialize_compact(token, ECKey.import_key(key)).headers()["kid"] == key["kid"]

    with_tokens(control_dsn, story)


def test_forged_tokens_are_refused(control_dsn: str) -> None:
    """No algorithm but the key's, no key but ours, no change to any part."""

    async def story(tokens: Tokens) -> None:
        good = issue(tokens)
        head, body, signature = good.split(".")
        key_id = tokens.keys.signer.key_id
        public = tokens.keys.signer.key
        stranger = ECKey.generate_key("P-256")
        rsa = RSAKey.generate_key(2048)
        confused = f"{segment({'alg': 'HS256', 'kid': key_id})}.{body}"
        as_secret = hmac.new(public.as_pem(private=False), confused.encode(), hashlib.sha256).digest()
        payload = json.dumps(good_payload()).encode()
        forged = [
            f"{segment({'alg': 'none', 'kid': key_id})}.{body}.",
            f"{segment({'alg': 'none'})}.{body}.{signature}",
            f"{segment({'alg': 'NONE', 'kid': key_id})}.{body}.{signature}",
            f"{segment({'alg': ['ES256'], 'kid': key_id})}.{body}.{signature}",
            f"{segment({'kid': key_id})}.{body}.{signature}",
            f"{segment({'alg': 'ES256', 'kid': [key_id]})}.{body}.{signature}",
            f"{segment({'alg': 'ES256'})}.{body}.{signature}",
            f"{confused}.{segment(as_secret)}",
            jws.serialize_compact({"alg": "ES256", "kid": key_id}, payload, stranger),
            jws.serialize_compact({"alg": "ES256", "kid": stranger.thumbprint()}, payload, stranger),
            jws.serialize_compact({"alg": "RS256", "kid": key_id}, payload, rsa),
            f"{head}.{segment(good_payload(scope='banking.admin'))}.{signature}",
            f"{head}.{body}.",
            f"{head}.{body}.{segment(bytes(64))}",
            f"{head}.{body}.{signature[:-4]}",
            f"{head}.{body}.{signature}=",
            f"{head}.{body}.{signature}.",
            f"{head}.{body}",
            f" {good}",
            f"{good}\n",
            good[: len(head) + 1] + "é" + good[len(head) + 2 :],
            signed_here(tokens, good_payload(), crit=["kid"]),
            good.upper(),
            "",
            ".",
            "..",
            "a.b.c",
            "[" * 8000,
            f"{segment(b'[' * 300)}.{body}.{signature}",
            f"{segment([])}.{body}.{signature}",
            f"{segment('alg')}.{body}.{signature}",
            good + "A" * 8192,
        ]
        for token in forged:
            assert_refused(tokens, token)
        assert tokens.verify(good, NOW)

    with_tokens(control_dsn, story)


def test_signed_tokens_with_bad_claims_are_refused(control_dsn: str) -> None:
    """Every claim is needed, of its own kind; times are whole seconds."""
    no_times: list[Any] = [True, "1", 1.5, -1, 10**30, [], {"a": 1}, 253_402_300_800]
    changes: list[dict[str, Any]] = [{name: ...} for name in good_payload()]
    changes += [{name: None} for name in good_payload()]
    changes += [{name: value} for name in ("exp", "iat") for value in no_times]
    changes += [{"roles": "admin"}, {"roles": [1]}, {"scope": ["transfers"]}, {"sub": ""}, {"tenant": ""}]
    changes += [{"nbf": int(NOW.timestamp()) + 1}]

    async def story(tokens: Tokens) -> None:
        assert tokens.verify(signed_here(tokens, good_payload()), NOW)
        for change in changes:
            assert_refused(tokens, signed_here(tokens, good_payload(**change)))
        for payload in (b"", b"null", b"[]", b"{", b"\xff", b"[" * 5000, b'{"exp": NaN}'):
            assert_refused(tokens, signed_here(tokens, payload))

    with_tokens(control_dsn, story)


def test_no_input_raises_anything_but_a_refusal(control_dsn: str) -> None:
    """Whatever is sent as a token: arbitrary text, and good tokens with a piece exchanged."""

    async def story(tokens: Tokens) -> None:
        good = issue(tokens)

        def refused(token: str) -> None:
            if token != good:
                assert_refused(tokens, token)

        @settings(max_examples=300, deadline=None, database=None)
        @given(st.text(max_size=200) | st.text("abcXYZ019-_.={}[]", max_size=200))
        def arbitrary(token: str) -> None:
            refused(token)

        @settings(max_examples=300, deadline=None, database=None)
        @given(st.integers(0, len(good)), st.integers(0, len(good)), st.text(max_size=5))
        def mutilated(start: int, end: int, filling: str) -> None:
            refused(good[:start] + filling + good[end:])

        @settings(max_examples=300, deadline=None, database=None)
        @given(st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=70))
        def three_parts(head: bytes, body: bytes, signature: bytes) -> None:
            refused(".".join(map(segment, (head, body, signature))))

        arbitrary()
        mutilated()
        three_parts()

    with_tokens(control_dsn, story)


def test_what_is_remembered_has_a_bound(control_dsn: str) -> None:
    """Ever new tokens push the old ones out, and a pushed-out one is verified anew."""

    async def story(tokens: Tokens) -> None:
        tokens._remembered._half = 10
        first = issue(tokens)
        tokens.verify(first, NOW)
        for number in range(50):
            tokens.verify(issue(tokens, subject=f"user_{number}"), NOW)
        assert len(tokens._remembered) <= 20
        assert tokens._remembered.get(first) is None
        assert tokens.verify(first, NOW)

    with_tokens(control_dsn, story)


def test_scopes_and_roles_are_the_documented_ones() -> None:
    assert len(ALL_SCOPES) == 17
    assert {"wallet_manager", "compliance_officer", "customer", "admin"} <= ALL_ROLES
