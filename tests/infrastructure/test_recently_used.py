"""The bounded cache keeps what is used and forgets the rest."""

from infrastructure.recently_used import RecentlyUsed


def test_what_is_asked_for_stays_and_the_rest_goes() -> None:
    """One key that is used between many that are not is still there at the end, within the size."""
    cache: RecentlyUsed[int, str] = RecentlyUsed(10)
    cache.put(0, "kept")
    for number in range(1, 200):
        cache.put(number, "passing")
        assert cache.get(0) == "kept"
        assert len(cache) <= 10
    assert cache.get(1) is None
    assert cache.get(199) == "passing"


def test_the_last_half_of_its_size_is_always_there() -> None:
    cache: RecentlyUsed[int, int] = RecentlyUsed(10)
    for number in range(1, 100):
        cache.put(number, number)
        assert all(cache.get(recent) for recent in range(max(1, number - 4), number + 1))


def test_a_new_value_replaces_the_old_one() -> None:
    cache: RecentlyUsed[str, int] = RecentlyUsed(4)
    cache.put("a", 1)
    for name in "bcd":
        cache.put(name, 1)
    cache.put("a", 2)
    assert cache.get("a") == 2
    cache.clear()
    assert cache.get("a") is None
    assert len(cache) == 0
