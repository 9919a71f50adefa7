"""Who may import whom, and what no file may be, have or call."""

import ast
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "domain",
    "application",
    "infrastructure",
    "projections",
    "api",
    "daybook_client",
    "bench",
    "tests",
)
LINES_MAX = 400

# What each package may import of ours, and of others beside the standard library (None: anything).
OURS: dict[str, frozenset[str]] = {
    "domain": frozenset(),
    "application": frozenset({"domain"}),
    "projections": frozenset({"domain"}),
    "infrastructure": frozenset({"domain", "application", "projections"}),
    "api": frozenset({"domain", "application", "projections", "infrastructure"}),
    # Whoever uses it needs nothing of the service.
    "daybook_client": frozenset(),
    "bench": frozenset({"domain", "application", "infrastructure", "projections", "api"}),
}
OTHERS: dict[str, frozenset[str]] = {
    "domain": frozenset({"msgspec"}),
    "application": frozenset({"msgspec"}),
    "projections": frozenset({"msgspec", "psycopg", "structlog"}),
    "daybook_client": frozenset({"httpx", "msgspec"}),
}
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
# Decisions take the time, identifiers and chance as arguments, and money is never a binary fraction.
BANNED_CALLS = {
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "time.time",
    "time.time_ns",
    "uuid.uuid4",
    "uuid4",
    "random.random",
    "float",
}
BANNED_WORDS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
BANNED_MARKS = {"pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail", "pytest.skip", "pytest.xfail"}


def files(*packages: str) -> list[Path]:
    return [file for package in packages for file in sorted((ROOT / package).rglob("*.py"))]


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def imported(file: Path) -> set[str]:
    """Full names of the modules that the file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            names.add(node.module or "")
    return names


def called(file: Path) -> set[str]:
    """What the file calls, as it is written."""
    return {ast.unparse(node.func) for node in ast.walk(tree(file)) if isinstance(node, ast.Call)}


def offenders(*packages: str, offends: Callable[[Path], object]) -> list[str]:
    return [str(file.relative_to(ROOT)) for file in files(*packages) if offends(file)]


def forbidden_imports(file: Path) -> set[str]:
    package = file.relative_to(ROOT).parts[0]
    allowed = OURS[package] | {package}
    forbidden = set()
    for name in imported(file):
        top = name.partition(".")[0]
        is_ours = top in PACKAGES
        is_other = not is_ours and top not in sys.stdlib_module_names
        if (is_ours and top not in allowed) or (
            is_other and package in OTHERS and top not in OTHERS[package]
        ):
            forbidden.add(name)
    return forbidden


def test_every_package_imports_only_what_it_may() -> None:
    assert {str(file): names for file in files(*OURS) if (names := forbidden_imports(file))} == {}


def test_the_store_knows_nothing_of_read_models() -> None:
    for name in ("event_store", "recorder", "database", "migrator"):
        used = imported(ROOT / "infrastructure" / f"{name}.py")
        assert not any(module.partition(".")[0] == "projections" for module in used)


def test_no_http_and_no_sql_in_decisions() -> None:
    sql = re.compile(r"\b(select .+ from|insert into|delete from)\b")
    assert offenders("domain", "application", offends=lambda file: sql.search(file.read_text())) == []
    assert offenders("domain", "application", offends=lambda file: "status_code" in file.read_text()) == []


def test_no_sql_in_the_ways_in() -> None:
    sql = re.compile(r"\b(select .+ from|insert into|delete from)\b")
    assert offenders("api", offends=lambda file: sql.search(file.read_text())) == []

    def reaches_for_the_database(file: Path) -> bool:
        # The command line says in plain words what is wrong with a database.
        return "psycopg" in imported(file) and file.parent.name != "command_line"

    assert offenders("api", offends=reaches_for_the_database) == []


def test_time_chance_and_binary_fractions_come_from_nowhere() -> None:
    def offends(file: Path) -> bool:
        return bool(called(file) & BANNED_CALLS)

    assert offenders("domain", "application", "projections", offends=offends) == []


def test_files_are_short() -> None:
    def offends(file: Path) -> bool:
        return len(file.read_text().splitlines()) > LINES_MAX

    assert offenders(*PACKAGES, offends=offends) == []


def test_names_of_files_say_something() -> None:
    def offends(file: Path) -> bool:
        return bool(set(re.split(r"[_/.]", str(file.relative_to(ROOT)))) & BANNED_NAMES)

    assert offenders(*PACKAGES, offends=offends) == []


def test_nothing_is_left_for_later() -> None:
    assert offenders(*OURS, offends=lambda file: BANNED_WORDS.search(file.read_text())) == []


def test_no_test_is_switched_off() -> None:
    def offends(file: Path) -> bool:
        written = {ast.unparse(node) for node in ast.walk(tree(file)) if isinstance(node, ast.Attribute)}
        return bool(written & BANNED_MARKS)

    assert offenders("tests", offends=offends) == []


def test_every_module_says_what_it_is_for() -> None:
    def offends(file: Path) -> bool:
        return bool(tree(file).body) and ast.get_docstring(tree(file)) is None

    assert offenders(*OURS, offends=offends) == []


def test_events_are_never_changed_or_removed_by_a_statement() -> None:
    changing = re.compile(r"\b(update|delete from)\s+\{schema\}\.events\b")
    sources = [*files("infrastructure", "projections", "api"), *(ROOT / "infrastructure").rglob("*.sql")]
    assert [file for file in sources if changing.search(file.read_text())] == []
