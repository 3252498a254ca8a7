"""A TCP proxy that can make a server slow, silent or wrong."""

import asyncio
import threading
import time
from typing import Self

from tests.running_demo import wait_until


class SlowProxy:
    """Between clients and a server on this machine; runs in a thread while its `with` lasts."""

    def __init__(
        self,
        port: int,
        *,
        delay_s: float = 0,
        stall_s: float = 0,
        replace: tuple[bytes, bytes] = (b"", b""),
    ) -> None:
        self.delay_s, self.replace = delay_s, replace
        self.redirecting = threading.Event()  # somebody has asked for a redirect
        self._server_port = port
        self._stall_s = stall_s  # one silence, a second after the first redirect
        self._silent_from = float("inf")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))
        self._port = 0
        self._stop: asyncio.Event

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._thread.start()
        wait_until(lambda: self._port, within_s=5)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    async def _run(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        await self._stop.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, requests = await asyncio.open_connection("127.0.0.1", self._server_port)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on(reader, requests))
                both.create_task(self._pass_back(answers, writer))
        except* OSError:
            pass
        finally:
            writer.close()
            requests.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if data.startswith(b"GET /") and not data.startswith(b"GET /healthz"):
                if not self.redirecting.is_set():
                    self._silent_from = time.monotonic() + 1
                self.redirecting.set()
            writer.write(data)
        writer.close()

    async def _pass_back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await asyncio.sleep(self.delay_s)
            silent_s = self._silent_from + self._stall_s - time.monotonic()
            if 0 < silent_s <= self._stall_s:
                await asyncio.sleep(silent_s)
            writer.write(data.replace(*self.replace) if self.replace[0] else data)
        writer.close()
