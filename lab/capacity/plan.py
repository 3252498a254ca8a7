"""The capacity plan: from a few numbers about the demand to rates, bytes and machines.

Each result has its formula with the numbers filled in, constants included, so that a reader can
check it by hand.
"""

from typing import Final

from app.links.codes import SHORTEST
from lab.capacity.cache import plan_cache, plan_clicks
from lab.capacity.code_length import BASE62, DAYS_PER_YEAR, estimate
from lab.capacity.costs import Costs
from lab.capacity.machines import plan_machines
from lab.capacity.numbers import say_bytes, say_number, say_rate
from lab.capacity.workload import Part, Quantity, Workload

COPIES: Final = 2  # of the database: a primary and a standby
# A B-tree entry: 16 bytes with the code and a line pointer of 4 bytes, in pages that are 69 % full
# (ln 2) after insertions in random order: Yao, "On Random 2-3 Trees", Acta Informatica 9 (1978).
# `hop bench` measures the same.
INDEX_BYTES: Final = 29
REQUEST_BYTES: Final = 500  # with a browser's headers
RESPONSE_BYTES: Final = 200  # headers without the target
RANGE_SIZE: Final = 10_000  # HOP_RANGE_SIZE


def plan_capacity(load: Workload, costs: Costs) -> list[Part]:
    """The whole plan.

    Args:
        load: the demand; every number above 0, `hit_rate` below 1.
        costs: CPU time of requests.
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


def _plan_rates(load: Workload) -> list[Quantity]:
    per_day, ratio = say_number(load.links_per_day), say_number(load.reads_per_write)
    writes, reads, peak = say_rate(load.writes), say_rate(load.reads), say_number(load.peak)
    writes_peak, reads_peak = load.writes * load.peak, load.reads * load.peak
    return [
        Quantity("writes", "writes", load.writes, f"{per_day} links/day / 86,400 s = {writes}"),
        Quantity("reads", "reads", load.reads, f"{writes} x {ratio} = {reads}"),
        Quantity(
            "writes_peak",
            "writes, peak",
            writes_peak,
            f"{writes} x {peak} = {say_rate(writes_peak)}",
        ),
        Quantity(
            "reads_peak", "reads, peak", reads_peak, f"{reads} x {peak} = {say_rate(reads_peak)}"
        ),
    ]


def _plan_storage(load: Workload) -> list[Quantity]:
    links, rows, index = load.links, load.links * load.bytes, load.links * INDEX_BYTES
    total = COPIES * (rows + index)
    links_text = say_number(links)
    return [
        Quantity(
            "links",
            "links",
            links,
            f"{say_number(load.links_per_day)}/day x {DAYS_PER_YEAR} days x"
            f" {say_number(load.years)} years = {links_text}",
        ),
        Quantity(
            "rows_bytes", "rows", rows, f"{links_text} x {load.bytes:g} B = {say_bytes(rows)}"
        ),
        Quantity(
            "index_bytes", "index", index, f"{links_text} x {INDEX_BYTES} B = {say_bytes(index)}"
        ),
        Quantity(
            "storage_bytes",
            "on disks",
            total,
            f"({say_bytes(rows)} + {say_bytes(index)}) x {COPIES} copies, a primary and a standby ="
            f" {say_bytes(total)}",
        ),
    ]


def _plan_codes(load: Workload) -> list[Quantity]:
    codes = estimate("permuted", links_per_day=load.links_per_day, years=load.years)
    length = max(SHORTEST, codes.shortest_length)
    space = BASE62**length
    margin, ranges = space / load.links, load.writes * load.peak / RANGE_SIZE
    return [
        Quantity(
            "code_length",
            "shortest",
            codes.shortest_length,
            f"{BASE62}^{codes.shortest_length} = {say_number(BASE62**codes.shortest_length)} codes"
            f" for {say_number(load.links)} links: {codes.shortest_length} characters",
        ),
        Quantity(
            "code_margin",
            "margin",
            margin,
            f"hop's {BASE62}^{length} = {say_number(space)} / {say_number(load.links)} ="
            f" {margin:,.3g} times the codes in use",
        ),
        Quantity(
            "ranges",
            "ranges of ids",
            ranges,
            f"{say_rate(load.writes * load.peak)} / {RANGE_SIZE:,} ids a range ="
            f" {say_rate(ranges)}, one UPDATE each",
        ),
    ]


def _plan_bandwidth(load: Workload) -> list[Quantity]:
    reads = load.reads * load.peak
    bits_in = reads * REQUEST_BYTES * 8
    bits_out = reads * (RESPONSE_BYTES + load.bytes) * 8
    rate = say_rate(reads)
    return [
        Quantity(
            "bits_in",
            "in",
            bits_in,
            f"{rate} x {REQUEST_BYTES} B x 8 = {say_number(bits_in / 1e6)} Mbit/s",
        ),
        Quantity(
            "bits_out",
            "out, at most",
            bits_out,
            f"{rate} x ({RESPONSE_BYTES} B of headers + {load.bytes:g} B) x 8 ="
            f" {say_number(bits_out / 1e6)} Mbit/s",
        ),
    ]
