"""granian's signal handler as hop replaces it."""

import os
import signal
import threading

from app.server.granian import Server


def test_stop_when_signalled_again_while_the_event_is_set_does_not_deadlock():
    server = Server("module:app")
    server.pid = os.getpid()

    class Interrupted(threading.Event):
        """Holds its lock while it is set; a second signal arrives then."""

        is_held = False

        def set(self) -> None:
            assert not self.is_held, "this would wait forever"
            self.is_held = True
            server.signal_handler_interrupt(signal.SIGTERM, None)
            super().set()

    server.main_loop_interrupt = Interrupted()
    server.signal_handler_interrupt(signal.SIGTERM, None)
    assert server.main_loop_interrupt.is_set()
    assert server.interrupt_signal
