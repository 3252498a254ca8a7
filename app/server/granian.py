"""granian with signal handling that does not deadlock.

python -m app.server.granian FACTORY HOST PORT WORKERS THREADS GRACE_S
"""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from granian import Granian
from granian.constants import Interfaces
from granian.errors import FatalError
from granian.log import LogLevels


class Server(Granian):  # type: ignore[valid-type, misc]  # one of two classes, chosen at import
    """Granian that stops cleanly whenever it is signalled, even twice.

    The signal handler of granian 2.8 sets an event and holds the event's lock meanwhile. A second
    signal at that moment waits for the lock forever. The death of a supervisor causes it: Linux
    signals the children once per thread of the parent.

    Web processes have the same handler until their app is made: they would ignore the signal and
    be killed at the end of the grace period.
    """

    def signal_handler_interrupt(self, *args: Any, **kwargs: Any) -> None:
        """Stop at the first signal; ignore further ones."""
        if os.getpid() != self.pid:
            if args[0] == signal.SIGTERM:  # on Ctrl-C the main process sends this
                sys.exit()
            return
        if not self.interrupt_signal:
            super().signal_handler_interrupt(*args, **kwargs)


def main(arguments: Sequence[str]) -> None:
    """Serve the WSGI app that FACTORY ("module:function") returns, until SIGTERM or SIGINT."""
    factory, host, *numbers = arguments
    port, workers, threads, grace_s = map(int, numbers)
    server = Server(
        factory,
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=threads,
        respawn_failed_workers=True,
        workers_kill_timeout=grace_s,
        websockets=False,
        log_level=LogLevels.warning,
    )
    try:
        server.serve()
    except FatalError:
        sys.exit(1)
    except RuntimeError as error:  # such as a port in use; a Rust backtrace follows the first line
        reason = str(error).partition("\n")[0]
        sys.exit(f"error: granian cannot serve on {host}:{port}: {reason}")


if __name__ == "__main__":
    main(sys.argv[1:])
