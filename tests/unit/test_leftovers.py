"""What a killed process left behind goes with the next start; what is in use stays."""

import os
import subprocess
import sys
from pathlib import Path

from shared.tables import leftovers


def a_dead_process() -> int:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait(30)
    return gone.pid


def test_folders_of_dead_processes_go_and_all_else_stays(tmp_path: Path) -> None:
    dead = a_dead_process()
    for name in (f"videovector-tables-{dead}-a", f"videovector-sql-{dead}-b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "part.parquet").write_text("x")
        (tmp_path / name).chmod(0o555)
    kept = {leftovers.prefix("tables") + "c", f"videovector-sql-{os.getpid()}-d", f"other-{dead}-e", "videovector-sql-x-f"}
    for name in kept:
        (tmp_path / name).mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"videovector-sql-{dead}-link").symlink_to(tmp_path / "elsewhere")
    assert {path.name for path in leftovers.sweep(tmp_path)} == {f"videovector-tables-{dead}-a", f"videovector-sql-{dead}-b"}
    assert {path.name for path in tmp_path.iterdir()} == kept | {"elsewhere", f"videovector-sql-{dead}-link"}
