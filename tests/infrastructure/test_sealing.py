"""Secrets are sealed: they open only with the same key, at the same place, and unchanged."""

import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infrastructure import settings as settings_module
from infrastructure.sealing import KEY_FILE, CannotOpen, InvalidMasterKey, Seal, decode_key, load_key
from infrastructure.settings import SettingsError

KEY = bytes(range(32))
SECRET = "a secret with ünïcode"


def test_what_was_sealed_opens_at_its_place() -> None:
    assert Seal(KEY).open(Seal(KEY).close(SECRET, "webhook-1"), "webhook-1") == SECRET


def test_a_sealed_text_is_different_each_time_and_shows_nothing() -> None:
    first, second = (Seal(KEY).close(SECRET, "webhook-1") for _ in range(2))
    assert first != second
    assert SECRET not in first
    assert base64.b64encode(SECRET.encode()).decode().rstrip("=") not in first


def test_it_does_not_open_elsewhere_nor_with_another_key() -> None:
    sealed = Seal(KEY).close(SECRET, "webhook-1")
    with pytest.raises(CannotOpen):
        Seal(KEY).open(sealed, "webhook-2")
    with pytest.raises(CannotOpen):
        Seal(bytes(32)).open(sealed, "webhook-1")


@pytest.mark.parametrize("change", [lambda text: text[:-6] + "AAAA==", lambda text: "2." + text[2:]])
def test_a_changed_text_does_not_open(change: object) -> None:
    assert callable(change)
    with pytest.raises(CannotOpen):
        Seal(KEY).open(change(Seal(KEY).close(SECRET, "place")), "place")


@pytest.mark.parametrize("text", ["", "1.", "1.AAAA", "plain text", "1.!!!"])
def test_what_was_never_sealed_does_not_open(text: str) -> None:
    with pytest.raises(CannotOpen):
        Seal(KEY).open(text, "place")


@pytest.mark.parametrize("text", ["", "short", base64.b64encode(bytes(31)).decode(), "ü" * 44, "=" * 44])
def test_a_key_is_32_bytes_in_base64(text: str) -> None:
    with pytest.raises(InvalidMasterKey) as caught:
        decode_key(text)
    assert not text or text not in str(caught.value)
    with pytest.raises(SettingsError):
        settings_module.load({"master_key": text}, {})


def test_the_key_that_is_given_counts(tmp_path: Path) -> None:
    assert load_key(tmp_path, base64.b64encode(KEY).decode()) == KEY
    assert list(tmp_path.iterdir()) == []


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    key = load_key(tmp_path / "new", None)
    assert load_key(tmp_path / "new", None) == key
    assert stat.S_IMODE((tmp_path / "new" / KEY_FILE).stat().st_mode) == 0o600
    assert [file.name for file in (tmp_path / "new").iterdir()] == [KEY_FILE]


def test_those_who_make_the_key_at_once_all_have_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as threads:
        keys = list(threads.map(lambda _: load_key(tmp_path, None), range(64)))
    assert len(set(keys)) == 1
    assert [file.name for file in tmp_path.iterdir()] == [KEY_FILE]
