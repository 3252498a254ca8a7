"""granian as hop runs it.

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
    """Granian that may be told to stop at any time, and more than once.

    The handler of granian 2.8 sets an event, and holds its lock meanwhile: a second signal at that
    moment waits for the lock for ever. A supervisor's death is such a moment, since Linux tells
    the children once for each of its threads.

    And a worker has that handler, too, until its app is made: it would note the signal, go on,
    and be killed when the grace period is over.
    """

    def signal_handler_interrupt(self, *args: Any, **kwargs: Any) -> None:
        """Stop, the first time."""
        if os.getpid() != self.pid:
            if args[0] == signal.SIGTERM:  # Ctrl-C is for the main process, which then sends this
                sys.exit()
            return
        if not self.interrupt_signal:
            super().signal_handler_interrupt(*args, **kwargs)


def main(arguments: Sequence[str]) -> None:
    """Serve the WSGI app that FACTORY, "module:function", makes, until SIGTERM or SIGINT."""
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
    except RuntimeError as error:  # such as a port in use; what follows is a trace of Rust
        reason = str(error).partition("\n")[0]
        sys.exit(f"error: granian cannot serve on {host}:{port}: {reason}")


if __name__ == "__main__":
    main(sys.argv[1:])
