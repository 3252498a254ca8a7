"""The capacity plan: from a few numbers about use to rates, bytes and machines.

Each figure carries its formula with the numbers filled in, so that a reader can work it out again
by hand. What a formula needs and nobody was asked for is a constant, and is printed with the rest.
"""

from typing import Final

from app.links.codes import SHORTEST
from lab.capacity.cache import plan_cache, plan_clicks
from lab.capacity.code_length import BASE62, DAYS_PER_YEAR, estimate
from lab.capacity.costs import Costs
from lab.capacity.machines import plan_machines
from lab.capacity.numbers import say_bytes, say_number, say_rate
from lab.capacity.workload import Figure, Part, Workload

COPIES: Final = 2  # of the database: a primary and a standby
# A B-tree entry: a code in 16 bytes, 4 bytes to find it, pages 69 % full (ln 2) as keys come in no
# order: Yao, "On Random 2-3 Trees", Acta Informatica 9 (1978). `hop bench` shows the same.
INDEX_BYTES: Final = 29
REQUEST_BYTES: Final = 500  # of a browser, with its headers
ANSWER_BYTES: Final = 200  # headers without the target
RANGE_SIZE: Final = 10_000  # HOP_RANGE_SIZE


def plan_capacity(load: Workload, costs: Costs) -> list[Part]:
    """The whole plan.

    Args:
        load: what is asked; every number above 0, `hit_rate` below 1.
        costs: of requests, in processor time.
    """
    return [
        Part("Rates", _plan_rates(load)),
        Part("Links and storage", _plan_storage(load)),
        Part("Codes", _plan_codes(load)),
        Part("Cache", plan_cache(load)),
        Part("Bandwidth at the peak", _plan_bandwidth(load)),
        Part("Clicks", plan_clicks(load)),
        Part("Machines at the peak", plan_machines(load, costs)),
    ]


def _plan_rates(load: Workload) -> list[Figure]:
    per_day, ratio = say_number(load.links_per_day), say_number(load.reads_per_write)
    writes, reads, peak = say_rate(load.writes), say_rate(load.reads), say_number(load.peak)
    writes_peak, reads_peak = load.writes * load.peak, load.reads * load.peak
    return [
        Figure("writes", "writes", load.writes, f"{per_day} links/day / 86,400 s = {writes}"),
        Figure("reads", "reads", load.reads, f"{writes} x {ratio} = {reads}"),
        Figure(
            "writes_peak",
            "writes, peak",
            writes_peak,
            f"{writes} x {peak} = {say_rate(writes_peak)}",
        ),
        Figure(
            "reads_peak", "reads, peak", reads_peak, f"{reads} x {peak} = {say_rate(reads_peak)}"
        ),
    ]


def _plan_storage(load: Workload) -> list[Figure]:
    links, rows, index = load.links, load.links * load.bytes, load.links * INDEX_BYTES
    total = COPIES * (rows + index)
    said = say_number(links)
    return [
        Figure(
            "links",
            "links",
            links,
            f"{say_number(load.links_per_day)}/day x {DAYS_PER_YEAR} days x"
            f" {say_number(load.years)} years = {said}",
        ),
        Figure("rows_bytes", "rows", rows, f"{said} x {load.bytes:g} B = {say_bytes(rows)}"),
        Figure("index_bytes", "index", index, f"{said} x {INDEX_BYTES} B = {say_bytes(index)}"),
        Figure(
            "storage_bytes",
            "on disks",
            total,
            f"({say_bytes(rows)} + {say_bytes(index)}) x {COPIES} copies, a primary and a standby ="
            f" {say_bytes(total)}",
        ),
    ]


def _plan_codes(load: Workload) -> list[Figure]:
    found = estimate("permuted", links_per_day=load.links_per_day, years=load.years)
    length = max(SHORTEST, found.shortest_length)
    space = BASE62**length
    margin, ranges = space / load.links, load.writes * load.peak / RANGE_SIZE
    return [
        Figure(
            "code_length",
            "shortest",
            found.shortest_length,
            f"{BASE62}^{found.shortest_length} = {say_number(BASE62**found.shortest_length)} codes"
            f" for {say_number(load.links)} links: {found.shortest_length} characters",
        ),
        Figure(
            "code_margin",
            "margin",
            margin,
            f"hop's {BASE62}^{length} = {say_number(space)} / {say_number(load.links)} ="
            f" {margin:,.3g} times as many as are used",
        ),
        Figure(
            "ranges",
            "key ranges",
            ranges,
            f"{say_rate(load.writes * load.peak)} / {RANGE_SIZE:,} ids a range ="
            f" {say_rate(ranges)}, one UPDATE each",
        ),
    ]


def _plan_bandwidth(load: Workload) -> list[Figure]:
    reads = load.reads * load.peak
    coming = reads * REQUEST_BYTES * 8
    going = reads * (ANSWER_BYTES + load.bytes) * 8
    said = say_rate(reads)
    return [
        Figure(
            "bits_in",
            "in",
            coming,
            f"{said} x {REQUEST_BYTES} B x 8 = {say_number(coming / 1e6)} Mbit/s",
        ),
        Figure(
            "bits_out",
            "out, at most",
            going,
            f"{said} x ({ANSWER_BYTES} B of headers + {load.bytes:g} B) x 8 ="
            f" {say_number(going / 1e6)} Mbit/s",
        ),
    ]
