"""Makes the virtual environment: `python -m infra.environment VENV LOCKED…`.

Standard library only, since it runs before all else.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

SUPPORTED = ((3, 11), (3, 14))
CLIENT = "videovector"  # the published client, which tests drive the product with


class Installer:
    """uv where it is on the path; else, and where uv fails (it reads no pip configuration), the environment's own pip."""

    def __init__(self, venv: Path) -> None:
        self._venv = venv
        self._uv = shutil.which("uv")
        self._shares = min(4, os.cpu_count() or 1)

    @property
    def python(self) -> Path:
        return self._venv / "bin" / "python"

    def make(self) -> None:
        """Creates the environment unless it is there."""
        if not self.python.exists():
            say(f"making {self._venv}")
            _run([sys.executable, "-m", "venv", str(self._venv)])
            if not self._uv:  # the one that Python brings takes twice as long over a list of this length
                subprocess.run([*self._pip(), "--upgrade", "pip"], check=False)

    def install(self, *arguments: str) -> None:
        if self._uv:
            command = [self._uv, "pip", "install", "--quiet", "--python", str(self.python), *arguments]
            if subprocess.run(command, check=False).returncode == 0:
                return
            say("uv could not; trying pip")
            self._uv = None
        _run([*self._pip(), *arguments])

    def install_locked(self, file: Path) -> None:
        """Everything in the file. pip looks at one package after the other, so several share the list; what the platform needs
        besides comes, or what is wrong is said, in a last look over the whole."""
        pins = [line for line in file.read_text().splitlines() if line.strip() and not line.startswith("#")]
        if not self._uv:
            shares = [pins[n :: self._shares] for n in range(self._shares)]
            running = [
                subprocess.Popen([*self._pip(), "--no-deps", "--no-compile", *share], stderr=subprocess.DEVNULL)
                for share in shares
            ]
            for one in running:
                one.wait()
        self.install("-r", str(file))

    def _pip(self) -> list[str]:
        return [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]

    def compile(self) -> None:
        """Compiles what is installed, so that the first start is not slower than the second."""
        site = next(self._venv.glob("lib/python*/site-packages"))
        subprocess.run([str(self.python), "-m", "compileall", "-q", "-j", "0", str(site)], check=False, capture_output=True)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, check=False)
    if done.returncode:
        say(f"failed: {' '.join(command)}\n`make doctor` says what may be missing.")
        raise SystemExit(done.returncode)


def install_clients(installer: Installer, folder: Path, versions: list[str]) -> None:
    """Each version of the published client in a folder of its own, without what it needs: the environment has that."""
    for version in versions:
        target = folder / version
        if not (target / CLIENT).is_dir():
            say(f"installing the published client {version}")
            installer.install("--no-deps", "--target", str(target), f"{CLIENT}=={version}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("venv", type=Path)
    parser.add_argument("locked", type=Path, nargs="+")
    parser.add_argument("--without-needs", type=Path, help="locked file of distributions installed without what they ask for")
    parser.add_argument("--clients", nargs="*", default=[], metavar="VERSION")
    said = parser.parse_args()
    low, high = SUPPORTED
    if not low <= sys.version_info[:2] < high:
        here = sys.version.split()[0]
        say(f"Python {low[0]}.{low[1]} to {high[0]}.{high[1] - 1} is needed, this is {here}: call `make PYTHON=python3.12 …`")
        raise SystemExit(1)
    installer = Installer(said.venv)
    installer.make()
    for locked in said.locked:
        say(f"installing {locked}")
        installer.install_locked(locked)
    if said.without_needs:
        installer.install("--no-deps", "-r", str(said.without_needs))
    install_clients(installer, said.venv / "sdk", said.clients)
    installer.compile()


if __name__ == "__main__":
    main()
