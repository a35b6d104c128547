"""`make bench`: every measurement, or those named."""

import argparse
import importlib
import json
import signal
import sys
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from bench.figure import Figure

BENCHES = ("starting", "request", "streams", "cutting", "evidence", "memory", "ingest", "retrieval", "search", "cold")
ASKED_FOR = ("search_large", "chat", "neighbours", "webhooks")  # minutes long, or wanting a machine that does nothing else
_MARKS = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures the product on this machine.")
    parser.add_argument(
        "names", nargs="*", choices=[[], *BENCHES, *ASKED_FOR], help=f"of {', '.join(BENCHES)}; all if none is named"
    )
    parser.add_argument("--json", action="store_true")
    said = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started here is stopped here
    console = Console(stderr=said.json)
    figures: list[Figure] = []
    for name in said.names or BENCHES:
        console.print(f"[dim]measuring {name} …[/]")
        figures += importlib.import_module(f"bench.{name}").run()
    if said.json:
        print(json.dumps([{**asdict(figure), "met": figure.met} for figure in figures], indent=2))
    else:
        console.print(_table(figures))
    return 0


def _table(figures: list[Figure]) -> Table:
    table = Table()
    table.add_column("what")
    for heading in ("measured", "aim", ""):
        table.add_column(heading, justify="right")
    for figure in figures:
        value = f"{figure.value:.2f} {figure.unit}" if figure.value < 100 else f"{figure.value:.0f} {figure.unit}"
        table.add_row(figure.name, value, figure.aim, _MARKS[figure.met])
    return table


if __name__ == "__main__":
    raise SystemExit(main())
