"""Writers under every mishap at once, from seeds: `DAYBOOK_SIMULATION_SEED=17` runs one seed alone."""

import asyncio
import os
from collections.abc import Mapping

import pytest

from tests.application.simulation import Plan, Simulation

CALM: Mapping[str, float] = {"slow": 0.1}
ROUGH: Mapping[str, float] = {
    "slow": 0.2,
    "conflict": 0.05,
    "refused": 0.04,
    "answer_lost": 0.04,
    "late": 0.04,
    "load_fails": 0.05,
}
PLANS = (
    (Plan(crashes=0), CALM),
    (Plan(), ROUGH),
    (Plan(clients=12, commands=6, accounts=2), {**ROUGH, "conflict": 0.2}),
    (Plan(cache_bound=6, group_bound=3), ROUGH),
    (Plan(clients=3, commands=20, crashes=10), {**ROUGH, "late": 0.15, "answer_lost": 0.15}),
)


def run(seed: int) -> None:
    plan, faults = PLANS[seed % len(PLANS)]
    simulation = Simulation(seed, plan, faults)
    try:
        asyncio.run(asyncio.wait_for(simulation.run(), timeout=20))
        simulation.check()
    except BaseException as error:
        error.add_note(f"reproduce with DAYBOOK_SIMULATION_SEED={seed}")
        raise


def seeds(count: int) -> range:
    chosen = os.environ.get("DAYBOOK_SIMULATION_SEED")
    return range(count) if chosen is None else range(int(chosen), int(chosen) + 1)


def test_answers_are_those_of_one_command_after_another_whatever_goes_wrong() -> None:
    for seed in seeds(250):
        run(seed)


@pytest.mark.slow
def test_answers_are_those_of_one_command_after_another_in_thousands_of_runs() -> None:
    for seed in seeds(5_000):
        run(seed)


def test_a_seed_gives_the_same_run_every_time() -> None:
    logs = []
    for _ in range(2):
        simulation = Simulation(1, *PLANS[1])
        asyncio.run(simulation.run())
        logs.append(simulation.log.facts)
    assert logs[0] == logs[1]
