"""Everything is killed, frozen and cut off at random, and nothing is lost, doubled or overshot."""

from __future__ import annotations

import pytest

from bench import chaos
from bench.pgbouncer import PROGRAM
from tests.fixtures.required import need

pytestmark = pytest.mark.timeout(600)

FORGETFUL = """
do $$
declare
  v_function record;
  v_text     text;
begin
  for v_function in
    select *
    from (values
      ('jobs.complete_many', ' and r.run_no = d.run_no'),
      ('jobs.settle', ' and r.run_no = p_run_no')
    ) as f (name, fence)
  loop
    v_text := pg_get_functiondef(v_function.name::regproc);
    if position(v_function.fence in v_text) = 0 then
      raise exception '% has another fence by now', v_function.name;
    end if;
    execute replace(v_text, v_function.fence, '');
  end loop;
end;
$$
"""


@pytest.fixture(autouse=True)
def pgbouncer() -> None:
    need("pgbouncer", PROGRAM is not None, "the program is not installed")


def test_nothing_is_lost_whatever_is_killed(capsys) -> None:
    proof = chaos.run(40, seed=7, say=print)
    assert proof.faults == []
    assert set(proof.kinds) == set(chaos.BAG)
    figures = {figure.what: figure.median for figure in proof.figures}
    ended = figures["jobs done"] + figures["jobs sent at most once, of which nobody knows"]
    assert ended >= figures["jobs acknowledged"] > 500
    assert figures["jobs whose handler ran more than once"] > 0


def test_a_database_that_forgets_run_numbers_takes_stale_answers() -> None:
    """The control: workers that slept past their leases end the runs of those who came after."""
    bag = {"a worker is frozen past its lease": 1}
    proof = chaos.run(25, seed=7, say=print, bag=bag, sabotage=FORGETFUL)
    assert any("stale answer" in fault for fault in proof.faults)


def test_the_same_seed_is_the_same_chaos() -> None:
    assert chaos.plan(60, 1, chaos.BAG) == chaos.plan(60, 1, chaos.BAG)
    assert chaos.plan(60, 1, chaos.BAG) != chaos.plan(60, 2, chaos.BAG)
