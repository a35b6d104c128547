"""What the demo looks like: tables and bars on a terminal, plain lines elsewhere."""

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from demo.tour import Findings

_WIDEST = 60
_KINDS = ("videos", "audios", "images")


class Show:
    """`console` decides: bars only where there is a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress: Progress | None = None
        self._bars: dict[str, TaskID] = {}

    def step(self, text: str) -> None:
        self._end_bars()
        self._console.print(f"[bold cyan]›[/] {text}")

    def run(self, run: dict[str, Any]) -> None:
        """Called with each state of the run."""
        if not self._console.is_terminal:
            return
        if self._progress is None:
            columns = (TextColumn("  {task.description:<10}"), BarColumn(40), MofNCompleteColumn(), TimeElapsedColumn())
            self._progress = Progress(*columns, console=self._console)
            self._progress.start()
            self._bars = {name: self._progress.add_task(name, total=None) for name in ("segments", "media")}
        media = sum(run[f"total_{kind}"] for kind in ("videos", "audios", "images"))
        done = sum(
            run[f"{state}_{kind}"] for kind in ("videos", "audios", "images") for state in ("completed", "failed", "partial")
        )
        self._progress.update(self._bars["segments"], total=run["total_segments"] or None, completed=run["completed_segments"])
        self._progress.update(self._bars["media"], total=media or None, completed=done)

    def findings(self, findings: Findings) -> None:
        self._end_bars()
        self._console.print(self._segments(findings))
        summary = findings.synthesis.get("metadata") or {}
        if summary:
            said = "; ".join(f"{name}: {_short(value, 300)}" for name, value in summary.items())
            self._console.print(f"  [dim]whole film[/]  {said}\n", highlight=False)
        for search in findings.searches:
            self._console.print(self._hits(search))
        for complaint in findings.complaints:
            self._console.print(f"[bold red]✗[/] {complaint}")
        if not findings.complaints:
            self._console.print("[bold green]✓[/] everything was found where it is")

    def _segments(self, findings: Findings) -> Table:
        table = Table(title=f"What was seen and heard ({len(findings.results)} segments)", title_justify="left")
        for heading in ("from", "to", "fields"):
            table.add_column(heading, justify="left" if heading == "fields" else "right", overflow="fold")
        for result in findings.results:
            leaves = dict(_leaves(result["metadata"]))
            transcript = result.get("transcription") or result.get("transcript")
            if isinstance(transcript, str) and transcript:
                leaves.setdefault("transcription", transcript)
            text = "\n".join(
                f"[dim]{path}[/] {_short(value, 160)}" for path, value in leaves.items() if value not in ("", None, [])
            )
            table.add_row(_time(result["start_time"]), _time(result["end_time"]), text)
        return table

    def _hits(self, search: dict[str, Any]) -> Table:
        table = Table(title=f"Search by {search['what']}: “{search['query']}”", title_justify="left")
        for heading in ("score", "from", "to", "because of"):
            table.add_column(heading, justify="left" if heading == "because of" else "right", overflow="fold")
        for hit in search["hits"][:3]:
            score = f"{hit['similarity_score'] or 0:.3f}"
            table.add_row(score, _time(hit["start_time"]), _time(hit["end_time"]), _short(hit["content_preview"], _WIDEST))
        return table

    def _end_bars(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def _leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    """Dotted path → scalar, lists by their place."""
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, f"{path}.{key}" if path else str(key))]
    if isinstance(value, list):
        return [leaf for number, inner in enumerate(value) for leaf in _leaves(inner, f"{path}[{number}]")]
    return [(path, value)]


def _short(value: Any, widest: int) -> str:
    text = " ".join(str(value).split()).replace("[", "(").replace("]", ")")
    return text if len(text) <= widest else text[: widest - 1] + "…"


def _time(seconds: float | None) -> str:
    return "" if seconds is None else f"{int(seconds // 60)}:{seconds % 60:04.1f}"
