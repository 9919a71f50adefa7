"""What the documentation says is so: its examples run, and it names every setting, command and dependency."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from api.command_line.program import app
from infrastructure.settings import ENVIRONMENT_PREFIX, describe
from tests.sandbox_service import sandbox_service

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
CI = ROOT / ".ci" / "run"
DOCUMENTED_URL = "http://127.0.0.1:8000"
_MARK = "=== next example ==="

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What is different each time: instants and dates, identifiers, tokens, digests, positions.
_VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?Z)?"), "TIME"),
    (re.compile(r"\b(tx|hold|txn|req)_\w+"), "ID"),
    (re.compile(r"\bFTZ\w+"), "REFERENCE"),
    (re.compile(r"\bey[\w-]+\.[\w.-]+"), "TOKEN"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "DIGEST"),
    (re.compile(r"events 1 to \d+"), "EVENTS"),
    (re.compile(r"position\W{1,14}\d+"), "POSITION"),
    (re.compile(r'"(request|decision|hold)Id": "\d+"'), "NUMBER"),
    # Six digits, and what the night adds to a risk.
    (re.compile(r'"(authorizationCode|riskScore)": "\d+"'), "DIGITS"),
)


class Example(NamedTuple):
    """A block of shell, and the block of output that is printed below it, if there is one."""

    commands: str
    language: str = ""
    output: str = ""


def examples() -> list[Example]:
    found: list[Example] = []
    for language, content in _BLOCK.findall(README):
        if language == "sh":
            found.append(Example(content))
        elif language in ("json", "text") and found and not found[-1].language and content:
            found[-1] = Example(found[-1].commands, language, content)
    return found


def normalised(text: str) -> str:
    for pattern, name in _VARYING:
        text = pattern.sub(name, text)
    return text


def as_json(text: str) -> str:
    """The document written in one way. Numbers stay as they were written, and members in their order."""
    content = json.loads(text, parse_float=str, parse_int=str)
    return normalised(json.dumps(content, indent=1))


def as_lines(text: str) -> list[str]:
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [normalised(line) for line in lines if line.strip(" ─")]


def test_the_examples_in_the_readme_run_and_print_what_it_shows(tmp_path: Path) -> None:
    told = examples()
    # As a newcomer starts it: the clock is today's.
    with sandbox_service(tmp_path, clock=None) as service:
        script = "".join(f"{example.commands}\nprintf '\\n%s\\n' '{_MARK}'\n" for example in told)
        script = script.replace(DOCUMENTED_URL, service.url)
        script = script.replace(".venv/bin/", f"{Path(sys.executable).parent}/")
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=ROOT,
            env={**os.environ, f"{ENVIRONMENT_PREFIX}DATA": str(tmp_path / "data")},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    printed = ran.stdout.split(f"\n{_MARK}\n")[:-1]
    assert len(printed) == len(told)
    for example, output in zip(told, printed, strict=True):
        match example.language:
            case "json":
                assert as_json(output) == as_json(example.output)
            case "text":
                assert as_lines(output) == as_lines(example.output)


def test_there_are_examples_with_output() -> None:
    assert len([example for example in examples() if example.output]) >= 5


@pytest.mark.parametrize("setting", describe(), ids=lambda setting: setting[0])
def test_every_setting_is_in_the_readme_with_its_default(setting: tuple[str, str, str]) -> None:
    assert setting_row(*setting) in README


def setting_row(name: str, default: str, meaning: str) -> str:
    shown = f"`{default}`" if default else ""
    option, variable = f"--{name.replace('_', '-')}", ENVIRONMENT_PREFIX + name.upper()
    return f"| `{option}` | `{variable}` | {shown} | {meaning} |"


def test_no_setting_is_in_the_readme_that_is_not_there() -> None:
    named = set(re.findall(r"DAYBOOK_([A-Z_]+)", README))
    assert named <= {name.upper() for name, _, _ in describe()}


def dependencies() -> list[str]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    return [re.split(r"[\[<>=!~ ]", requirement)[0] for requirement in listed]


@pytest.mark.parametrize("package", dependencies())
def test_every_dependency_earns_its_place_in_the_readme(package: str) -> None:
    table = README.partition("\n## Dependencies\n")[2].partition("\n## ")[0]
    assert re.search(rf"^\|[^|]*\b{re.escape(package)}\b[^|]*\|[^|]{{5,}}\|$", table, re.MULTILINE)


def test_every_command_is_in_the_readme_and_no_other() -> None:
    commands = {name for name in app if not name.startswith("-")}
    assert set(re.findall(r"(?:`|/bin/)daybook ([a-z-]+)", README)) == commands


def test_every_target_of_make_that_is_named_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)`", README)) | set(re.findall(r"\$ make ([a-z-]+)", README))
    assert named
    assert named <= targets
    assert set(re.findall(r"make ([a-z-]+) ", MAKEFILE)) <= targets
    assert set(re.findall(r"\bmake ([a-z-]+)", CI.read_text())) - {"are", "is"} <= targets


@pytest.mark.parametrize(
    "folder",
    ["domain", "application", "infrastructure", "projections", "api", "daybook_client", "bench"],
)
def test_every_package_is_in_the_readme(folder: str) -> None:
    assert (ROOT / folder / "__init__.py").exists()
    assert re.search(rf"^{folder}/ +\w", README, re.MULTILINE)


def test_every_path_that_the_readme_names_is_there() -> None:
    folders = "domain|application|infrastructure|projections|api|bench|tests"
    for path in re.findall(rf"`((?:{folders})/[\w./-]+)`", README):
        assert (ROOT / path).exists(), path


def test_what_ci_runs_stops_at_the_first_failure_and_ends_with_the_tests() -> None:
    lines = CI.read_text().rstrip().splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert "set -euo pipefail" in lines
    assert lines[-1] == "exec make test-all"
    assert os.access(CI, os.X_OK)


@pytest.mark.parametrize("file", ["README.md", "Makefile", ".ci/run", "pyproject.toml"])
def test_nothing_names_a_machine_of_ours_or_a_host_to_install_from(file: str) -> None:
    text = (ROOT / file).read_text()
    for url in re.findall(r"https?://[^\s\"'`)]+", text):
        # Loopback, or a host that exists in documents only (RFC 2606).
        assert re.match(r"http://127\.0\.0\.1:|https://([a-z0-9-]+\.)?example\.com/", url), url
    assert not re.search(r"(?<![\w.])/(?:work|tmp|home|root)/", text)
