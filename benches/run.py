#!/usr/bin/env python3
"""What a query costs: sordino with everything recorded, beside a bare UDP echo, unbound and dnsmasq without a log.

All on loopback, asked by the same dnsperf, in turns: each round asks each of them, and what is printed is the median of
ROUNDS (5), because other work on the machine comes and goes. What counts is the processor time that the whole process
used, by the kernel's own account, divided by the queries it answered: queries a second say more about dnsperf and the
number of cores. Instructions are counted by valgrind, in user space only; they do not depend on the other work at all.
"""

import gzip
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from servers import BUILT, Dnsmasq, Echo, Sordino, Unbound, cached_names, muted_names

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = int(os.environ.get("SECONDS_EACH", "3"))
STEADY = 20_000
FLOOD = 100_000
COUNTED = 20_000
KINDS = ("muted", "cached")


def main():
    with tempfile.TemporaryDirectory() as directory:
        directory = Path(directory)
        muted, cached = muted_names(), cached_names()
        questions = {
            "muted": write_questions(directory / "muted.txt", muted),
            "cached": write_questions(directory / "cached.txt", cached),
        }
        unbound = Unbound(directory, muted).start()
        echo, dnsmasq = Echo(directory).start(), Dnsmasq(directory, muted, unbound.port).start()
        with unbound, echo, dnsmasq, Sordino(directory, unbound.port).start() as sordino:
            servers = [echo, unbound, dnsmasq, sordino]
            at_rest = {server.what: server.resident() for server in servers}
            for server in servers:
                for kind in KINDS:
                    dnsperf(server.port, questions[kind], 1)  # into the caches
            rounds = [one_round(servers, questions) for _ in range(ROUNDS)]
            show_costs(servers, rounds, at_rest)
            show_latency([steady(servers, questions["muted"]) for _ in range(ROUNDS)])
            show_flood(sordino, questions)
        show_instructions(directory, muted, cached)
        show_binary()
    return 0


def one_round(servers, questions):
    """Each server with each kind of name, one after the other."""
    return {(server.what, kind): cost(server, questions[kind]) for kind in KINDS for server in servers}


def cost(server, questions):
    before = server.cpu()
    said = dnsperf(server.port, questions, SECONDS)
    answered = number(said, "Queries completed")
    lost, rate = number(said, "Queries lost"), number(said, "Queries per second")
    return {"cpu": (server.cpu() - before) / answered * 1e6, "rate": rate, "lost": lost}


def steady(servers, questions):
    """The latency that 99 of 100 queries stay below, at a rate that leaves every server time, µs."""
    return {server.what: percentile(server, questions) for server in servers}


def percentile(server, questions):
    said = dnsperf(server.port, questions, SECONDS, "-Q", STEADY, "-v")
    # One line for each answer: > RCODE NAME TYPE SECONDS
    latencies = sorted(float(line.rsplit(" ", 1)[1]) for line in said.splitlines() if line.startswith("> "))
    if not latencies:
        sys.exit("dnsperf -v told nothing of single queries")
    return {"p50": latencies[len(latencies) // 2] * 1e6, "p99": latencies[len(latencies) * 99 // 100] * 1e6}


def show_costs(servers, rounds, at_rest):
    median = lambda what, kind, key: statistics.median(one[what, kind][key] for one in rounds)
    print(f"Medians of {len(rounds)} rounds of {SECONDS} s; CPU is user and system time of the whole process.\n")
    print(f"{'':18}{'CPU/query':>12}{'spread':>14}{'to echo':>9}{'to unbound':>12}{'to dnsmasq':>12}{'k queries/s':>13}{'lost':>6}")
    for kind in KINDS:
        for server in servers:
            each = [one[server.what, kind]["cpu"] for one in rounds]
            to = lambda other: statistics.median(
                one[server.what, kind]["cpu"] / one[other, kind]["cpu"] for one in rounds
            )
            print(
                f"{server.what + ', ' + kind:18}{statistics.median(each):>9.2f} µs{min(each):>7.2f}–{max(each):<6.2f}"
                f"{to('echo'):>8.2f}×{to('unbound'):>11.2f}×{to('dnsmasq'):>11.2f}×"
                f"{median(server.what, kind, 'rate') / 1000:>13.1f}{median(server.what, kind, 'lost'):>6.0f}"
            )
    print(f"\n{'resident':18}{'at rest':>12}{'after':>12}")
    for server in servers:
        print(f"{server.what:18}{at_rest[server.what] / 1024:>8.1f} MiB{server.resident() / 1024:>8.1f} MiB")


def show_latency(rounds):
    print(f"\n{f'at {STEADY:,}/s':18}{'p50':>9}{'p99':>12}{'p99 to echo':>14}")
    for what in rounds[0]:
        p50, p99 = (statistics.median(one[what][key] for one in rounds) for key in ("p50", "p99"))
        to_echo = statistics.median(one[what]["p99"] / one["echo"]["p99"] for one in rounds)
        print(f"{what:18}{p50:>6.0f} µs{p99:>9.0f} µs{to_echo:>13.2f}×")


def show_flood(sordino, questions):
    """What of `FLOOD` queries a second is answered, and whether anything of it is not written down."""
    print(f"\n{f'{FLOOD:,}/s offered':22}{'answered/s':>12}{'lost':>9}{'events dropped':>16}")
    for kind in KINDS:
        before = sordino.counters()
        said = dnsperf(sordino.port, questions[kind], 2 * SECONDS, "-Q", FLOOD)
        after = sordino.counters()
        dropped = after["events_dropped"] - before["events_dropped"]
        rate, lost = number(said, "Queries per second"), number(said, "Queries lost")
        print(f"{'sordino, ' + kind:22}{rate:>12,.0f}{lost:>9.0f}{dropped:>16}")


def show_instructions(directory, muted, cached):
    """Two runs that differ in the number of queries only, so what starting and ending take is not counted."""
    if not shutil.which("valgrind"):
        print("\nno instructions counted: valgrind is not there")
        return
    print(f"\n{'in user space':18}{'instructions/query':>20}")
    for kind, names in zip(KINDS, (muted, cached)):
        asked = [names[place % len(names)] for place in range(COUNTED)]
        questions = write_questions(directory / f"{kind}-counted.txt", asked)
        for what in (Echo, Sordino):
            few, many = (instructions(what, directory, questions, times) for times in (1, 3))
            print(f"{what.what + ', ' + kind:18}{(many - few) / (2 * COUNTED):>20,.0f}")


def instructions(what, directory, questions, times):
    """What a fresh server takes for all it does from start to end, asked all `questions` so many times."""
    with tempfile.TemporaryDirectory(dir=directory) as fresh:
        fresh = Path(fresh)
        counted = fresh / "callgrind"
        with Unbound(fresh, []).start() as unbound:
            server = Echo(fresh) if what is Echo else Sordino(fresh, unbound.port)
            # The echo never ends by itself: a signal that is not caught ends it, and valgrind counts up to there.
            with server.start("valgrind", "--tool=callgrind", f"--callgrind-out-file={counted}"):
                run(["dnsperf", "-s", "127.0.0.1", "-p", server.port, "-d", questions, "-n", times, "-c", 8, "-q", 64])
                server.stop()
        total = re.search(r"^(?:summary|totals): (\d+)", counted.read_text(), re.MULTILINE)
        if not total:
            sys.exit(f"valgrind counted nothing of {what.what}")
        return int(total.group(1))


def show_binary():
    binary = (BUILT / "sordino").read_bytes()
    print(f"\nbinary: {len(binary) / 2**20:.1f} MiB, {len(gzip.compress(binary)) / 2**20:.1f} MiB as gzip")


def dnsperf(port, questions, seconds, *more):
    """What it says of so many seconds in which 8 askers ask as fast as they are answered."""
    return run(["dnsperf", "-s", "127.0.0.1", "-p", port, "-d", questions, "-l", seconds, "-c", 8, "-T", 1, "-q", 64, *more])


def run(command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{command[0]}: {done.stderr or done.stdout}")
    return done.stdout


def number(said, label):
    return float(re.search(rf"{label}:\s+([\d.]+)", said).group(1))


def write_questions(path, names):
    path.write_text("".join(f"{name} A\n" for name in names))
    return path


if __name__ == "__main__":
    sys.exit(main())
