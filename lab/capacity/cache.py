"""The part of the plan that depends on popularity: caches, and roll-ups of clicks."""

from typing import Final

from app.cache.memory import MAX_ENTRIES
from lab.capacity.numbers import say_bytes, say_number, say_rate, say_share
from lab.capacity.workload import DAY_S, Quantity, Workload
from lab.capacity.zipf import distinct_links, harmonic, hottest_for, share_of_hottest

REDIS_OVERHEAD_BYTES: Final = 160  # Redis 6.2: an entry with a target of 100 bytes takes 261
JOURNAL_BYTES: Final = 180  # per click: docs/design.md, section 2
COMPRESSION: Final = 8  # of clicks in the stream
HOUR_ROW_BYTES: Final = 115  # in click_hours, with index entry and room for an update
IN_MEMORY: Final = MAX_ENTRIES  # links per process
_RULE_READS: Final = 0.8
_RULE_LINKS: Final = 0.2


def cached_links(load: Workload) -> int:
    """How many links the caches must hold for the planned hit rate."""
    return hottest_for(load.hit_rate, load.links, load.zipf)


def plan_cache(load: Workload) -> list[Quantity]:
    """The size of the cache for the hit rate, by Zipf's law and by the 80/20 rule."""
    hottest = cached_links(load)
    target, stored = hottest * load.bytes, hottest * (load.bytes + REDIS_OVERHEAD_BYTES)
    by_rule = load.links * _RULE_LINKS
    zipf_for_rule = hottest_for(_RULE_READS, load.links, load.zipf)
    hottest_text, all_reads = say_number(hottest), harmonic(load.links, load.zipf)
    return [
        Quantity(
            "cached_links",
            "hottest links",
            hottest,
            f"{load.hit_rate:g} x H({say_number(load.links)}) = {load.hit_rate:g} x"
            f" {all_reads:.4g} = {load.hit_rate * all_reads:.4g} = H({hottest_text});"
            f" H(n) = sum of 1/i^{load.zipf:g} for i from 1 to n",
        ),
        Quantity(
            "cache_bytes",
            "cache",
            target,
            f"{hottest_text} x {load.bytes:g} B = {say_bytes(target)}",
        ),
        Quantity(
            "redis_bytes",
            "in Redis",
            stored,
            f"{hottest_text} x ({load.bytes:g} + {REDIS_OVERHEAD_BYTES} B of overhead) ="
            f" {say_bytes(stored)}",
        ),
        Quantity(
            "rule_of_thumb_bytes",
            "80/20 rule",
            by_rule * load.bytes,
            f"20 % of {say_number(load.links)} links for 80 % of reads: {say_number(by_rule)} x"
            f" {load.bytes:g} B = {say_bytes(by_rule * load.bytes)};"
            f" by Zipf's law, {say_number(zipf_for_rule)} links suffice",
        ),
        *_hit_rates(load),
    ]


def memory_hit_rate(load: Workload) -> float:
    """The share of reads that one process answers from memory, if it forgets nothing."""
    return share_of_hottest(IN_MEMORY, load.links, load.zipf)


def plan_clicks(load: Workload) -> list[Quantity]:
    """Bytes in journals and in the stream, and rows of the hourly roll-up."""
    journals = load.reads * JOURNAL_BYTES * DAY_S
    stream = load.reads * load.peak * JOURNAL_BYTES / COMPRESSION
    per_hour = load.reads * 3_600
    distinct = distinct_links(per_hour, load.links, load.zipf)
    rows = distinct * 24
    return [
        Quantity(
            "journal_bytes",
            "journals",
            journals,
            f"{say_rate(load.reads)} x {JOURNAL_BYTES} B x 86,400 s = {say_bytes(journals)} a day",
        ),
        Quantity(
            "stream_bytes",
            "stream, peak",
            stream,
            f"{say_rate(load.reads * load.peak)} x {JOURNAL_BYTES} B / {COMPRESSION}, compressed ="
            f" {say_bytes(stream)}/s",
        ),
        Quantity(
            "hour_rows",
            "roll-up rows",
            rows,
            f"{say_number(per_hour)} reads an hour reach {say_number(distinct)} links (sum of"
            f" 1 - e^(-reads x p)) x 24 h = {say_number(rows)} a day",
        ),
        Quantity(
            "hour_bytes",
            "roll-up size",
            rows * HOUR_ROW_BYTES,
            f"{say_number(rows)} x {HOUR_ROW_BYTES} B = {say_bytes(rows * HOUR_ROW_BYTES)} a day",
        ),
    ]


def _hit_rates(load: Workload) -> list[Quantity]:
    """Hit rates of other cache sizes."""
    all_reads = harmonic(load.links, load.zipf)
    return [
        Quantity(
            f"hit_rate_{links}",
            f"{say_number(links)} links",
            share := share_of_hottest(links, load.links, load.zipf),
            f"H({say_number(links)}) = {share * all_reads:.4g} / {all_reads:.4g} ="
            f" {say_share(share)} of reads, in {say_bytes(links * load.bytes)}",
        )
        for links in (MAX_ENTRIES, 10**6, 10**7, 10**8, 10**9)
        if links < load.links
    ]
