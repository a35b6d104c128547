"""`make demo`: exits 0 if everything was found where it is, else 1 and says why."""

import argparse
import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path

import httpx
from rich.console import Console

from demo.api import Api, Refused
from demo.show import Show
from demo.site import NotRunning, running
from demo.tour import Findings, Tour


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m demo", description="The whole product, once through, on this machine.")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8080")))
    parser.add_argument("--data-dir", type=Path, default=Path(os.environ.get("DATA_DIR", ".local")))
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    said = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started here is stopped here
    console = Console(stderr=said.json, highlight=False)
    try:
        findings = _demo(said.port, said.data_dir.resolve(), Show(console))
    except (NotRunning, Refused, httpx.HTTPError) as reason:
        console.print(f"[bold red]✗[/] {str(reason).replace('[', '(')}")
        return 1
    if said.json:
        json.dump(asdict(findings), sys.stdout, indent=2)
        print()
    return 1 if findings.complaints else 0


def _demo(port: int, data_dir: Path, show: Show) -> Findings:
    show.step("starting the product on this machine")
    with running(port, data_dir) as credentials:
        api = Api(credentials["base_url"], credentials["api_key"])
        try:
            findings = Tour(api, show.step, show.run).take(data_dir / "demo" / "sample-film.mp4")
        finally:
            api.close()
    show.findings(findings)
    show.step(f"`make run PORT={port}` serves it again, with this film in it")
    return findings


if __name__ == "__main__":
    raise SystemExit(main())
