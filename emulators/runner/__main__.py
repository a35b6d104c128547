"""`python -m emulators.runner serve --port 8080 --data-dir .local`, and the roles that it starts."""

import argparse
import os
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m emulators.runner", description=__doc__)
    roles = parser.add_subparsers(dest="role", required=True)
    serving = roles.add_parser("serve", help="serve the whole product until interrupted")
    serving.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8080")))
    serving.add_argument("--data-dir", type=Path, default=Path(os.environ.get("DATA_DIR", ".local")))
    for role in ("cloud", "models"):
        roles.add_parser(role, help="started by serve")
    for role in ("api", "work"):
        roles.add_parser(role, help="started by serve").add_argument("--listen-on", type=int, required=True)
    said = parser.parse_args()
    if said.role == "serve":
        from emulators.runner.serve import main as serve

        return serve(said.port, said.data_dir)
    return _play(said.role, getattr(said, "listen_on", -1))


def _play(role: str, descriptor: int) -> int:
    """One role's process; each imports its own part only."""
    from emulators.runner import child
    from emulators.runner.site import Site

    child.begin()
    site = Site.from_env()
    if role == "cloud":
        from emulators.runner import cloud

        cloud.run(site)
    elif role == "models":
        from emulators.runner import models

        models.run(site)
    elif role == "work":
        from emulators.runner import work

        work.run(site, descriptor)
    else:
        from emulators.runner import api

        api.run(site, descriptor)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
