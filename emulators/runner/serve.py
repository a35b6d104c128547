"""`make run`: one site, from taking its folder to giving it back."""

import signal
import time
from pathlib import Path

from emulators.runner import credentials, ownership, ports, secrets
from emulators.runner.loopback import Unexpected, call
from emulators.runner.refusal import CannotStart
from emulators.runner.site import Ports, Site
from emulators.runner.supervisor import Supervisor, say

_START_SECONDS = 60.0
_LOOK_SECONDS = 0.1
_FOREVER = 3600.0


def serve(port: int, data_dir: Path) -> None:
    """Serves until interrupted. Raises `CannotStart` where the folder or the port is taken, or nothing comes up."""
    data_dir = data_dir.resolve()
    lock = ownership.own(data_dir)
    gateway = ports.listen(port)
    reserved = ports.reserve(len(Ports.__dataclass_fields__) - 1)
    site = Site(data_dir, Ports(ports.number(gateway), *map(ports.number, reserved)))
    work = ports.listen(site.ports.work)
    supervisor = Supervisor(
        site.environment(secrets.load(data_dir)),
        data_dir / "logs",
        {"api": gateway.fileno(), "work": work.fileno()},
        keep_open=(lock,),
    )
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, supervisor.stop_soon)
    try:
        started = time.monotonic()
        supervisor.start()
        _wait_until_healthy(site, supervisor)
        if not supervisor.stopping:
            supervisor.healthy()
            said = credentials.ensure(site)
            print(_banner(site, said, time.monotonic() - started), flush=True)
        while not supervisor.stopping:
            supervisor.watch(_FOREVER)
    finally:
        supervisor.stop()
        for held in (gateway, work, *reserved):
            held.close()


def is_healthy(base: str) -> bool:
    """Whether a site answers there and all its parts are up."""
    try:
        return call("GET", f"{base}/health", timeout=5.0).status == 200
    except (OSError, Unexpected):
        return False


def _wait_until_healthy(site: Site, supervisor: Supervisor) -> None:
    ends = time.monotonic() + _START_SECONDS
    while not supervisor.stopping and not is_healthy(site.url("gateway")):
        if time.monotonic() > ends:
            raise CannotStart(f"not healthy after {_START_SECONDS:.0f} s; the logs are in {site.data_dir / 'logs'}")
        supervisor.watch(_LOOK_SECONDS)


def _banner(site: Site, said: dict[str, str], seconds: float) -> str:
    docs = f"{site.url('gateway')}/docs"
    lines = [f"VideoVector is up after {seconds:.1f} s.", "", f"  API      {said['base_url']}"]
    if said["console_url"]:
        lines.append(f"  Console  {said['console_url']}#key={said['api_key']}")  # a fragment is never sent, so it is in no log
    if call("GET", docs).status < 400:
        lines.append(f"  Docs     {docs}")
    lines += [
        f"  Key      {said['api_key']}",
        f"  Data     {site.data_dir}",
        "",
        f"  curl {said['base_url']}/indexes -H 'X-API-Key: {said['api_key']}'",
        "",
        "Ctrl-C stops it; the same command finds everything again.",
    ]
    return "\n".join(lines)


def main(port: int, data_dir: Path) -> int:
    try:
        serve(port, data_dir)
    except (CannotStart, Unexpected) as reason:
        say(f"cannot start: {reason}")
        return 1
    return 0
