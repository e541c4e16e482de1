"""``autom demo`` as a person or a script runs it: a whole day, then nothing is left of it."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from db.server import real_home
from tests.fixtures.data import retail, samples
from tests.fixtures.wait import until

AUTOM = Path(sys.executable).with_name("autom")
Document = dict[str, Any]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """A machine on which AutoM was never used; the demo's own processes can be told by it."""
    bare = {name: text for name, text in os.environ.items() if not name.startswith("AUTOM_")}
    kept = {
        name: os.environ[name] for name in ("AUTOM_PG_BIN", "AUTOM_SPECS") if name in os.environ
    }
    with tempfile.TemporaryDirectory(prefix="autom-test-") as folder:
        # The server's user must reach it, or root's servers live elsewhere.
        os.chmod(folder, 0o755)
        Path(folder, "tmp").mkdir(mode=0o755)
        yield bare | kept | {"AUTOM_HOME": f"{folder}/home", "TMPDIR": f"{folder}/tmp"}


@pytest.fixture
def demo(environment: dict[str, str]) -> Iterator[Run]:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [AUTOM, "demo", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )

    yield run
    run("--stop")
    shutil.rmtree(
        real_home(Path(environment["AUTOM_HOME"], "demo", "postgres")), ignore_errors=True
    )


def processes_of(environment: dict[str, str]) -> list[str]:
    """Command lines of whatever runs in this environment, or in its folders, as Postgres does."""
    folder = str(Path(environment["TMPDIR"]).parent)
    mark = f"TMPDIR={environment['TMPDIR']}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            inside = os.readlink(path / "cwd").startswith(folder)
            if inside or mark in (path / "environ").read_bytes().split(b"\0"):
                found.append((path / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def document(done: subprocess.CompletedProcess[str]) -> Document:
    assert done.returncode == 0, done.stderr
    said: Document = json.loads(done.stdout)
    return said


def test_a_day_makes_what_it_plans_and_leaves_nothing(
    demo: Run, environment: dict[str, str]
) -> None:
    day = document(demo("--json"))
    assert day["planned"] >= 40
    assert day["planned"] == day["made"] == day["optimised"] == day["published"] == day["pinned"]
    assert (day["failed"], day["quota"]) == (0, {"held": 0, "used": day["made"]})
    assert [winner["units_7d"] for winner in day["winners"]] == [8, 5]
    assert {run["status"] for run in day["runs"]} == {"succeeded"}
    assert {run["name"] for run in day["runs"]} == {
        "product_creation",
        "product_optimize",
        "pinterest_sync",
        "sales_tracker",
        "winner_scaling",
    }
    assert processes_of(environment) == []
    assert list(Path(environment["TMPDIR"]).iterdir()) == []


def test_two_at_once_do_not_meet(environment: dict[str, str]) -> None:
    both = [
        subprocess.Popen(
            [AUTOM, "demo", "--json"], env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    assert [json.loads(one.communicate()[0])["failed"] for one in both] == [0, 0]


@pytest.mark.parametrize(
    "number",
    [pytest.param(signal.SIGKILL, id="killed"), pytest.param(signal.SIGINT, id="interrupted")],
)
def test_a_demo_that_is_ended_early_leaves_no_process(
    number: signal.Signals, environment: dict[str, str]
) -> None:
    running = subprocess.Popen(
        [AUTOM, "demo"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until(lambda: any("postgres" in line for line in processes_of(environment)))
    running.send_signal(number)
    running.wait()
    until(lambda: not processes_of(environment))


def test_kept_it_runs_on_until_it_is_stopped(demo: Run, environment: dict[str, str]) -> None:
    kept = demo("--keep", "--json")
    runs = [run["name"] for run in document(kept)["runs"]]
    asked = subprocess.run(
        [AUTOM, "runs", "--json"], env=environment, capture_output=True, text=True, check=True
    )
    assert sorted(run["name"] for run in json.loads(asked.stdout)) == sorted(runs)
    assert demo("--stop").returncode == 0
    assert processes_of(environment) == []
    assert demo("--stop").returncode == 3


def test_kept_once_more_it_begins_with_nothing_and_takes_nothing_else(
    demo: Run, environment: dict[str, str]
) -> None:
    usual = real_home(Path(environment["AUTOM_HOME"], "postgres"))
    usual.mkdir(parents=True)
    Path(usual, "mine").touch()
    days = []
    for _ in range(2):
        days.append(document(demo("--keep", "--json")))
        assert demo("--stop").returncode == 0
    assert days[0]["made"] == days[1]["made"] > 0
    assert Path(usual, "mine").exists()


def test_the_winners_of_real_orders_are_those_that_a_few_lines_find(demo: Run) -> None:
    products, orders = retail()
    day = document(demo("--json", "--products", str(products), "--orders", str(orders)))
    assert day["imported"] == {"products": 1846, "orders": 373, "lines": 7374, "rejected": 0}
    assert (day["failed"], day["quota"]["held"]) == (0, 0)
    assert {winner["sku"]: winner["units_7d"] for winner in day["winners"]} == winners_of(
        products, orders
    )


def winners_of(products: Path, orders: Path) -> dict[str, int]:
    """SKU and units of what sold five or more in the seven days before today, cancelled left out.

    The export's last day counts as yesterday, in the shop's time zone, Europe/Berlin.
    """
    with products.open(newline="", encoding="utf-8-sig") as file:
        on_sale = {row["Variant SKU"] for row in csv.DictReader(file) if row["Status"] == "active"}
    with orders.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    cancelled = {row["Name"] for row in rows if row["Cancelled at"]}
    units: Counter[str] = Counter()
    for row in rows:
        if row["Name"] not in cancelled:
            units[row["Lineitem sku"]] += int(row["Lineitem quantity"])
    return {sku: sold for sku, sold in units.items() if sold >= 5 and sku in on_sale}


@pytest.mark.parametrize("path", samples(), ids=lambda path: path.stem)
def test_a_product_file_alone_is_imported(path: Path, demo: Run) -> None:
    day = document(demo("--json", "--products", str(path)))
    with path.open(newline="", encoding="utf-8-sig") as file:
        handles = {row["Handle"] for row in csv.DictReader(file)}
    assert (day["imported"]["products"], day["imported"]["rejected"]) == (len(handles), 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["--products", "nowhere.csv"], "nowhere.csv", id="a file that is not there"),
        pytest.param(["--products", __file__], "no export", id="a file that is no export"),
    ],
)
def test_bad_input_is_one_clear_error(
    arguments: list[str], said: str, demo: Run, environment: dict[str, str]
) -> None:
    done = demo(*arguments)
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert processes_of(environment) == []
