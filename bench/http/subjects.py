"""What is put under load: variants of hop, and what they are compared with."""

from dataclasses import dataclass
from typing import Final, Literal

HOP: Final = "app.factory:serve_from_env"
HOP_WITHOUT_MEMORY: Final = "bench.servers.hop_variants:without_memory"
HOP_WITHOUT_COUNTING: Final = "bench.servers.hop_variants:without_counting"

Server = Literal["nginx", "gunicorn", "granian"]


@dataclass(frozen=True, slots=True)
class Subject:
    """An app under a server, and the requests that it gets."""

    name: str
    server: Server
    factory: str = ""  # "module:function" of the WSGI app; empty for nginx
    asks: Literal["one link", "many links", "shorten"] = "one link"
    needs_redis: bool = True

    @property
    def is_hop(self) -> bool:
        """Whether it needs databases."""
        return self.factory in {HOP, HOP_WITHOUT_MEMORY, HOP_WITHOUT_COUNTING}

    @property
    def counts(self) -> bool:
        """Whether each request becomes a click."""
        return self.is_hop and self.factory != HOP_WITHOUT_COUNTING and self.asks != "shorten"


@dataclass(frozen=True, slots=True)
class Goal:
    """At least this share of another subject's throughput in the same round."""

    subject: tuple[str, Server]
    beside: tuple[str, Server]
    share: float


def list_subjects(servers: list[Server]) -> list[Subject]:
    """All subjects under these servers, in the order of a round."""
    subjects = [Subject("return 302", "nginx")] if "nginx" in servers else []
    for server in servers:
        if server != "nginx":
            subjects += [
                Subject("empty app", server, "bench.servers.plain_apps:empty"),
                Subject("Flask one-liner", server, "bench.servers.plain_apps:flask_one_liner"),
                Subject("hop hot", server, HOP),
                Subject("hop hot, uncounted", server, HOP_WITHOUT_COUNTING),
                Subject("hop, Redis", server, HOP_WITHOUT_MEMORY, "many links"),
                Subject("hop, Postgres", server, HOP_WITHOUT_MEMORY, "many links", False),
                Subject("hop shorten", server, HOP, "shorten"),
            ]
    return subjects


GOALS: Final = (
    Goal(("hop hot", "gunicorn"), ("empty app", "gunicorn"), 0.85),
    Goal(("hop hot", "gunicorn"), ("hop hot, uncounted", "gunicorn"), 0.85),
    Goal(("hop hot", "granian"), ("empty app", "granian"), 0.65),
    Goal(("hop hot", "granian"), ("return 302", "nginx"), 0.4),
    Goal(("hop, Redis", "gunicorn"), ("Flask one-liner", "gunicorn"), 0.45),
    Goal(("hop, Postgres", "gunicorn"), ("Flask one-liner", "gunicorn"), 0.3),
    Goal(("hop shorten", "gunicorn"), ("Flask one-liner", "gunicorn"), 0.35),
)
