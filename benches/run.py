#!/usr/bin/env python3
"""Cost per query of the server's process: sordino for muted and cached names, beside a bare UDP echo and unbound.

All run one after the other, on loopback, with the same dnsperf. What counts is the processor time that the server's
process used, by the kernel's own account, divided by the queries it answered: queries per second say more about dnsperf
and the number of cores. Every run is bounded by SECONDS (5).
"""

import gzip
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
BUILT = Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target")) / "release"
SECONDS = int(os.environ.get("SECONDS_EACH", "5"))
CACHED_NAMES = 200
TICKS = os.sysconf("SC_CLK_TCK")


def main():
    with tempfile.TemporaryDirectory() as directory, Servers() as servers:
        directory = Path(directory)
        muted = write_questions(directory / "muted", muted_names())
        cached = write_questions(directory / "cached", [f"n{number}.example" for number in range(CACHED_NAMES)])

        echo, unbound, sordino = free_port(), free_port(), free_port()
        echo_pid = servers.start([BUILT / "examples/echo", f"127.0.0.1:{echo}"])
        unbound_pid = servers.start([program("unbound"), "-c", unbound_config(directory, unbound)])
        wait_for(unbound)
        sordino_pid = servers.start([BUILT / "sordino", "--config", sordino_config(directory, sordino, unbound), "run"])
        wait_for(sordino)
        at_rest = resident(sordino_pid)

        rows = [
            measure("bare UDP echo", echo, echo_pid, muted),
            measure("sordino, muted names", sordino, sordino_pid, muted),
            measure("sordino, cached names", sordino, sordino_pid, cached),
            measure("unbound, cached names", unbound, unbound_pid, cached),
        ]
        show(rows)
        print()
        print(f"sordino, resident at rest with the lists that ship: {at_rest / 1024:.1f} MiB")
        print(f"sordino, resident after the runs:                   {resident(sordino_pid) / 1024:.1f} MiB")
        binary = (BUILT / "sordino").read_bytes()
        print(f"binary: {len(binary) / 2**20:.1f} MiB, {len(gzip.compress(binary)) / 2**20:.1f} MiB as gzip")
    return 1 if any(row["lost"] > row["answered"] / 1000 for row in rows) else 0


def measure(what, port, pid, questions):
    dnsperf(port, questions, 1)  # into the caches
    before, begin = cpu_seconds(pid), time.monotonic()
    said = dnsperf(port, questions, SECONDS)
    used, elapsed = cpu_seconds(pid) - before, time.monotonic() - begin
    number = lambda label: float(re.search(rf"{label}:\s+([\d.]+)", said).group(1))
    answered = int(number("Queries completed"))
    return {
        "what": what,
        "answered": answered,
        "lost": int(number("Queries lost")),
        "rate": answered / elapsed,
        "latency": number(r"Average Latency \(s\)") * 1e6,
        "cpu": used / answered * 1e6,
    }


def dnsperf(port, questions, seconds):
    command = ["dnsperf", "-s", "127.0.0.1", "-p", port, "-d", questions, "-l", seconds, "-c", 8, "-T", 1, "-q", 64]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"dnsperf: {done.stderr or done.stdout}")
    return done.stdout


def show(rows):
    echo = rows[0]["cpu"]
    print(f"{'':24}{'queries/s':>11}{'lost':>7}{'latency':>11}{'CPU/query':>12}{'to echo':>9}")
    for row in rows:
        print(
            f"{row['what']:24}{row['rate']:>11,.0f}{row['lost']:>7}{row['latency']:>8.0f} µs"
            f"{row['cpu']:>9.2f} µs{row['cpu'] / echo:>8.2f}×"
        )


def muted_names():
    """Names that the catalogue mutes for everyone, without patterns."""
    row = re.compile(r'\{ block = "([a-z0-9.-]+)"(?![^}]*tier = "thorough")')
    names = [name for path in sorted((PROJECT / "blocklists").glob("*.toml")) for name in row.findall(path.read_text())]
    if len(names) < 50:
        sys.exit("the catalogue in blocklists/ has too few names to measure with")
    return names


def write_questions(path, names):
    path.write_text("".join(f"{name} A\n" for name in names))
    return path


def unbound_config(directory, port):
    names = "".join(f"n{number} A 192.0.2.{1 + number % 250}\n" for number in range(CACHED_NAMES))
    zone = "$ORIGIN example.\n$TTL 3600\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\n" + names
    (directory / "zone").write_text(zone)
    config = directory / "unbound.conf"
    config.write_text(
        f"""
server:
    interface: 127.0.0.1@{port}
    do-daemonize: no
    use-syslog: no
    logfile: "{directory}/unbound.log"
    chroot: ""
    username: ""
    pidfile: ""
    directory: "{directory}"
    module-config: "iterator"
    num-threads: {os.cpu_count()}
    so-reuseport: yes
remote-control:
    control-enable: no
auth-zone:
    name: "example."
    zonefile: "{directory}/zone"
    for-downstream: no
    for-upstream: yes
    fallback-enabled: no
"""
    )
    return config


def sordino_config(directory, port, forwarder):
    config = directory / "config.toml"
    config.write_text(
        f"""
[dns]
listen = ["127.0.0.1:{port}"]
[upstream]
servers = ["udp://127.0.0.1:{forwarder}"]
[[list]]
name = "catalogue"
source = "{PROJECT}/blocklists"
[web]
listen = ""
[store]
path = "{directory}/data"
"""
    )
    return config


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def program(name):
    inside = Path("/usr/sbin") / name
    return inside if inside.exists() else name


def wait_for(port):
    """Waits until whoever listens on `port` answers a query for localhost."""
    query = bytes.fromhex("123401000001000000000000096c6f63616c686f73740000010001")
    deadline = time.monotonic() + 30
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(0.2)
        asker.connect(("127.0.0.1", port))
        while time.monotonic() < deadline:
            try:
                asker.send(query)
                asker.recv(512)
                return
            except OSError:
                time.sleep(0.05)
    sys.exit(f"nobody answers on port {port}")


def cpu_seconds(pid):
    """User and system time of the process, all threads (proc(5): fields 14 and 15 of stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1))


class Servers:
    """Processes that end with this, whatever happens."""

    def __enter__(self):
        self.running = []
        return self

    def start(self, command):
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(list(map(str, command)), **quiet)
        self.running.append(process)
        return process.pid

    def __exit__(self, *_):
        for process in self.running:
            process.send_signal(signal.SIGKILL)
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
