"""What runs an estate, on the smallest shop: links, releases, restarts, and that nothing is ever left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from ontology.errors import NotFound, Unavailable
from workbench.bench.estate import servers
from workbench.bench.estate.running import Estate

SHOP = Path(__file__).with_name("small_shop")
NEEDED = ("redis", "prometheus", "alertmanager")
pytestmark = pytest.mark.skipif(
    bool(servers.missing(NEEDED)), reason=f"apt-get install {' '.join(servers.missing(NEEDED))}"
)
SCRIPT = """
import json, signal, sys, time
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits that it is ignored
from workbench.bench.estate.running import Estate
with Estate.up(shop=Path(sys.argv[1]), users=1) as estate:
    print(json.dumps({"pids": estate.pids(), "folder": str(estate.folder)}), flush=True)
    if sys.argv[2] == "raise":
        raise RuntimeError("something else went wrong")
    time.sleep(300)
"""


@pytest.fixture(scope="module")
def estate() -> Iterator[Estate]:
    """The smallest shop, without users."""
    with Estate.up(shop=SHOP, users=0) as running:
        yield running


def got(estate: Estate, name: str = "front", path: str = "/work", patience: float = 10.0) -> str:
    """Return what a service says, or the words of its error."""
    try:
        with urllib.request.urlopen(f"{estate.url(name)}{path}", timeout=patience) as reply:
            return reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()


def test_a_delay_is_felt_by_the_caller_alone(estate: Estate) -> None:
    """300 ms on one link make its caller's request take at least two of them longer."""
    link, began = estate.network("front", "back").delay(300), time.monotonic()
    said, took = got(estate), time.monotonic() - began
    link.heal()

    assert said == "front 1.0.0 back 1.0.0"
    assert took >= 0.6, "a new connection and a request are two round trips"


def test_what_is_cut_comes_through_when_it_is_healed(estate: Estate) -> None:
    """A request over a cut link is not answered; healed in time, it is answered after all."""
    said: list[str] = []
    link = estate.network("front", "back").partition()
    asking = threading.Thread(target=lambda: said.append(got(estate)))
    asking.start()
    asking.join(0.5)
    assert said == []
    link.heal()
    asking.join(10)

    assert said == ["front 1.0.0 back 1.0.0"]


def test_a_link_that_loses_everything_resets(estate: Estate) -> None:
    """At a loss of all, connections are reset as after TCP's last repeat, and the caller fails."""
    link = estate.network("front", "back").loss(1.0)
    said = got(estate)
    link.heal()

    assert "1.0.0 back" not in said
    assert got(estate) == "front 1.0.0 back 1.0.0"


def test_a_name_that_is_gone_is_not_found_and_comes_back(estate: Estate) -> None:
    """Without the name in its own hosts file a caller cannot resolve it; others still can."""
    estate.unresolve("front", "back")
    gone, other = got(estate), got(estate, "back")
    estate.resolve("front", "back")

    assert gone == "Name or service not known: back:8080"
    assert other == "back 1.0.0"
    assert got(estate) == "front 1.0.0 back 1.0.0"


def test_no_such_link_is_said_so(estate: Estate) -> None:
    """A link between two of whom one is not there is an error that names who is."""
    with pytest.raises(NotFound) as error:
        estate.network("front", "nobody")
    assert "front" in error.value.next_step


def test_a_release_is_a_commit_and_the_address_stays(estate: Estate) -> None:
    """The new version answers at the old address; the file keeps its comments, git has commit and tag."""
    address, old = estate.url("front"), estate.pid("front")
    sha = estate.deploy("front", "1.1.0", environment={"LIMIT": "5"})
    log = subprocess.run(
        ["git", "-C", estate.repository, "log", "-1", "--format=%H %D %s", "--stat"], capture_output=True, text=True
    ).stdout
    estate.deploy("front", "1.0.0")

    assert estate.url("front") == address
    assert not lives(old)
    assert sha in log and "front/v1.1.0" in log and "LIMIT (not set) -> 5" in log and "compose.yaml" in log
    assert "PEER_URL: http://back:8080  # whom it calls" in estate.compose.read_text()
    assert subprocess.run(["git", "-C", estate.repository, "status", "--short"], capture_output=True).stdout == b""


def test_a_release_that_does_not_come_up_leaves_the_old_one(estate: Estate) -> None:
    """Rolled out, a broken version is refused with what it said, and the old process goes on."""
    old = estate.pid("back")
    with pytest.raises(Unavailable, match="BROKEN is set"):
        estate.deploy("back", "2.0.0", environment={"BROKEN": "yes"})
    still = estate.pid("back")
    estate.deploy("back", "1.0.0", environment={"BROKEN": ""})

    assert still == old


def test_a_release_that_nobody_waits_for_is_a_crash_loop(estate: Estate) -> None:
    """Not waited for, it is started again and again, and the state says so."""
    began = datetime.now(UTC)
    estate.deploy("back", "2.0.0", environment={"BROKEN": "yes"}, wait=False)
    waiting = estate.wait("back", "waiting", after=began, patience=60)
    ended = estate.wait("back", "last terminated", after=began)
    estate.deploy("back", "1.0.0", environment={"BROKEN": ""})

    assert waiting.value.startswith("CrashLoopBackOff")
    assert ended.kind == "container"
    assert got(estate) == "front 1.0.0 back 1.0.0"


def test_a_killed_service_is_started_again(estate: Estate) -> None:
    """Killed from outside, it is back with another process, and both are events."""
    began, old = datetime.now(UTC), estate.pid("back")
    os.kill(old, signal.SIGKILL)
    ended = estate.wait("back", "last terminated", after=began)
    estate.wait("back", "restarts", after=began)

    assert ended.value == "Error, exit code 137"
    assert estate.pid("back") != old


def test_a_service_over_its_memory_is_killed(estate: Estate) -> None:
    """Over its limit of resident memory it ends as in a control group: OOMKilled, 137."""
    began = datetime.now(UTC)
    estate.deploy("back", "1.0.1", environment={"KEPT_BYTES": "250000000"}, wait=False)
    ended = estate.wait("back", "last terminated", after=datetime.now(UTC), patience=60)
    estate.deploy("back", "1.0.0", environment={"KEPT_BYTES": "0"})

    assert ended.time > began
    assert ended.value == "OOMKilled, exit code 137"


def test_a_flag_is_one_changed_line(estate: Estate) -> None:
    """A flag is set for good, in git; no other line of its file changes, and no other flag can be named."""
    before = (estate.repository / "flags.json").read_text().splitlines()
    estate.flag("fresh", True)
    after = (estate.repository / "flags.json").read_text().splitlines()

    assert [new for old, new in zip(before, after, strict=True) if old != new] == [
        '    "fresh": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on"},'
    ]
    assert any((each.kind, each.value) == ("flag", "on") for each in estate.events)
    with pytest.raises(NotFound):
        estate.flag("unheard", True)


def test_events_are_a_file_of_state(estate: Estate) -> None:
    """What happened stands in the file that the settings name, a row a line."""
    rows = [json.loads(line) for line in Path(estate.settings()["WORKBENCH_STATE_FILE"]).read_text().splitlines()]

    assert len(rows) == len(estate.events)
    assert all(set(row) == {"time", "entity", "kind", "field", "value"} for row in rows)


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def gone(pids: list[int], folder: Path, patience: float = 30.0) -> bool:
    """Say whether processes and folder are gone, in a while; who killed their parent is told of nothing."""
    until = time.monotonic() + patience
    while time.monotonic() < until and (folder.exists() or any(map(lives, pids))):
        time.sleep(0.1)
    return not folder.exists() and not any(map(lives, pids))


@pytest.mark.parametrize("how", ["raise", "interrupt", "kill"])
def test_nothing_is_left_however_it_ends(how: str) -> None:
    """After an exception, Ctrl-C, or the parent killed outright: no process lives, no folder is left."""
    words = [sys.executable, "-c", SCRIPT, str(SHOP), how]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        assert parent.stdout is not None
        said = json.loads(parent.stdout.readline())
        pids = list(said["pids"].values())
        if how == "interrupt":
            parent.send_signal(signal.SIGINT)
        elif how == "kill":
            parent.kill()
        try:
            parent.wait(60)
        finally:
            parent.kill()  # or leaving the block would wait for ever

    assert len(pids) >= 8
    assert gone([*pids, parent.pid], Path(said["folder"]))


def test_one_that_does_not_come_up_leaves_nothing(tmp_path: Path) -> None:
    """A shop of which a service ends at once is refused with what it said, and nothing runs afterwards."""
    shutil.copytree(SHOP, tmp_path / "shop")
    compose = tmp_path / "shop" / "compose.yaml"
    compose.write_text(compose.read_text().replace("CACHE_URL", "BROKEN: 'yes'\n      CACHE_URL"))
    before = {each.pid for each in psutil.Process().children(recursive=True)}
    with pytest.raises(Unavailable, match="BROKEN is set"):
        Estate.up(tmp_path / "estate", shop=tmp_path / "shop")

    assert {each.pid for each in psutil.Process().children(recursive=True)} <= before


def test_the_command_line_brings_it_up_and_down(tmp_path: Path) -> None:
    """`estate up --json` says where all is; `status` knows it; a second one is refused; `down` ends it."""
    env = {**os.environ, "WORKBENCH_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "workbench.cli", "estate"]
    up = [*command, "up", "--json", "--users", "1", "--shop", str(SHOP)]
    with subprocess.Popen(up, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as running:
        assert running.stdout is not None
        text = ""
        while not text.endswith("\n}\n"):
            text += running.stdout.readline().decode()
        said = json.loads(text)
        status = subprocess.run([*command, "status", "--json"], env=env, capture_output=True, text=True)
        again = subprocess.run(up, env=env, capture_output=True, text=True)
        down = subprocess.run([*command, "down"], env=env, capture_output=True, text=True)
        running.wait(60)

    pids = [each["pid"] for each in said["services"].values()] + list(said["beside"].values())
    assert json.loads(status.stdout)["answers"] == {"front": True, "back": True}
    assert again.returncode == 2 and "estate down" in again.stderr
    assert down.returncode == 0, down.stderr
    assert gone(pids, Path(said["folder"]))
    assert subprocess.run([*command, "status"], env=env, capture_output=True).returncode == 2
