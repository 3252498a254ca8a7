"""The part of the plan that depends on the cost of requests: cores, processes, nodes."""

import math
from typing import Final

from lab.capacity.cache import IN_MEMORY, REDIS_OVERHEAD_BYTES, cached_links, memory_hit_rate
from lab.capacity.costs import COMPONENTS, Component, Costs
from lab.capacity.numbers import say_bytes, say_number, say_rate, say_share
from lab.capacity.workload import Quantity, Workload

BUSIEST: Final = 0.6  # planned use of a core at the peak
REDIS_NODE_BYTES: Final = 32e9
PARTITION_BYTES: Final = 1e12


def plan_machines(load: Workload, costs: Costs) -> list[Quantity]:
    """Cores of each component, web processes, Redis nodes and partitions of Postgres."""
    hot, cached, uncached = split_reads(load)
    cores = {component: _plan_cores(load, costs, component) for component in COMPONENTS}
    processes = math.ceil(cores["web"].value)
    return [
        Quantity(
            "hot_share",
            "reads by tier",
            hot,
            f"{say_share(hot)} from the {IN_MEMORY:,} links in a process's memory,"
            f" {say_share(cached)} from Redis, {say_share(uncached)} from Postgres",
        ),
        cores["web"],
        Quantity(
            "web_processes",
            "web processes",
            processes,
            f"{say_number(cores['web'].value)} cores, one each, rounded up = {processes:,}",
        ),
        cores["redis"],
        _plan_redis(load, cores["redis"].value),
        cores["postgres"],
        _plan_partitions(load),
        cores["worker"],
    ]


def split_reads(load: Workload) -> tuple[float, float, float]:
    """The shares of reads that process memory, Redis and Postgres answer.

    Process memory is taken to hold the hottest links. That it forgets a link after a minute, and
    reads it from Redis again, is not included.
    """
    hot = min(memory_hit_rate(load), load.hit_rate)
    return hot, load.hit_rate - hot, 1 - load.hit_rate


def _plan_cores(load: Workload, costs: Costs, component: Component) -> Quantity:
    reads, writes = load.reads * load.peak, load.writes * load.peak
    tiers = [getattr(tier, component) for tier in (costs.hot, costs.cached, costs.uncached)]
    shares = split_reads(load)
    read_us = sum(share * cost for share, cost in zip(shares, tiers, strict=True))
    write_us = getattr(costs.shorten, component)
    cores = (reads * read_us + writes * write_us) / 1e6 / BUSIEST
    terms = " + ".join(
        f"{say_share(share)} x {say_number(cost)}"
        for share, cost in zip(shares, tiers, strict=True)
    )
    return Quantity(
        f"{component}_cores",
        f"{component} cores",
        cores,
        f"({say_rate(reads)} x ({terms}) µs + {say_rate(writes)} x {say_number(write_us)} µs)"
        f" / {say_share(BUSIEST)} busy = {say_number(cores)}",
    )


def _plan_redis(load: Workload, cores: float) -> Quantity:
    """Nodes of one core each, because Redis runs commands on one thread, and limited memory."""
    stored = cached_links(load) * (load.bytes + REDIS_OVERHEAD_BYTES)
    for_memory, for_cores = math.ceil(stored / REDIS_NODE_BYTES), math.ceil(cores)
    nodes = max(for_memory, for_cores)
    return Quantity(
        "redis_nodes",
        "Redis nodes",
        nodes,
        f"the larger of {say_bytes(stored)} / {say_bytes(REDIS_NODE_BYTES)} = {for_memory:,} and"
        f" {say_number(cores)} cores = {for_cores:,}: {nodes:,}",
    )


def _plan_partitions(load: Workload) -> Quantity:
    rows = load.links * load.bytes
    partitions = math.ceil(rows / PARTITION_BYTES)
    return Quantity(
        "partitions",
        "partitions",
        partitions,
        f"{say_bytes(rows)} of rows / {say_bytes(PARTITION_BYTES)} = {partitions:,}, by code",
    )
