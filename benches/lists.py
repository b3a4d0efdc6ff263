#!/usr/bin/env python3
"""A million names held by sordino, unbound and dnsmasq, one after the other: memory, time to ready, reloading.

The names are those of the lists in ../shared/lists where they are there, filled up to a million with names derived from
them; the same every time. Processor time stands beside the clock, because the clock also measures the machine's other work.
"""

import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
BUILT = Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target")) / "release"
SHARED = Path(os.environ.get("SORDINO_SHARED", PROJECT.parent / "shared"))
COUNT = int(os.environ.get("NAMES", "1000000"))
ASKED = 20_000
TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 120


def main():
    with tempfile.TemporaryDirectory() as directory:
        directory = Path(directory)
        names, real = million_names()
        listed = directory / "names.txt"
        listed.write_text("\n".join(names) + "\n")
        guards = guarded()
        asked = [name for name in random.Random(2).sample(names, 2 * ASKED) if not is_below(name, guards)][:ASKED]
        print(f"{len(names):,} names, {real:,} of them real; {ASKED:,} of them are asked")
        rows = [Sordino(directory, listed), Unbound(directory, names), Dnsmasq(directory, names)]
        results = [row.measure(asked) for row in rows if row.is_there()]
        show(results)
        sorting = cpu_of(["sort", "-u", "-o", "/dev/null", listed])
        ratios = [f"{result['what']} {result['reload cpu'] / sorting:.1f}" for result in results]
        print(f"\nsort -u of the same names: {sorting:.2f} s of CPU; a reload in that measure: {', '.join(ratios)}")
        sizes = {path.suffix: path.stat().st_size for path in (directory / "data/compiled").iterdir()}
        print(f"sordino: {sizes['.names'] / len(names):.2f} bytes a name, {sizes['.part'] / len(names):.2f} on disk besides")
    rows_by_class()
    return 0


def million_names():
    """Real names first, then names made of their parts; no name twice."""
    real = {}
    for path in sorted((SHARED / "lists").glob("*.domains.txt.zst")) if shutil.which("zstd") else []:
        text = subprocess.run(["zstd", "-dcq", path], capture_output=True, check=True).stdout.decode()
        for line in text.splitlines():
            if re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+", line):
                real[line] = None
    chance = random.Random(1)
    base = list(real) or [f"{a}{n}.example{n % 997}.com" for n in range(5_000) for a in ("ads", "stat", "log")]
    words = ["ads", "stats", "t", "log", "metrics", "api", "cdn", "track", "px", "eu", "us", "data"]
    names = dict.fromkeys(base)
    while len(names) < COUNT:
        name, word, number = chance.choice(base), chance.choice(words), chance.randrange(1000)
        first, _, rest = name.partition(".")
        derived = chance.choice([f"{word}{number % 100}.{name}", f"{word}-{name}", f"{first}{number}.{rest}"])
        if len(derived) < 200 and len(derived.split(".")[0]) < 64:
            names[derived] = None
    names = list(names)[:COUNT]
    chance.shuffle(names)
    return names, len(real)


class Server:
    """A program that holds the names. It ends with the measurement, whatever happens."""

    def is_there(self):
        return Path(self.command()[0]).exists()

    def measure(self, asked):
        self.prepare()
        process, result = None, {"what": self.what}
        try:
            for run in self.runs:
                if process:
                    process.terminate()
                    process.wait(PATIENCE)
                began = time.monotonic()
                quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
                process = subprocess.Popen(list(map(str, self.command())), **quiet)
                wait_for(self.port, process)
                result[run], result[run + " cpu"] = time.monotonic() - began, cpu(process.pid)
            result["start"] = status(process.pid, "VmRSS")
            before = nanoseconds(process.pid)
            result["each"] = ask(self.port, asked)
            result["each cpu"] = (nanoseconds(process.pid) - before) / len(asked) / 1e9
            result["asked"] = status(process.pid, "VmRSS")
            result["peak"] = 0
            for number in range(3):
                self.change(number)
                Path(f"/proc/{process.pid}/clear_refs").write_text("5")
                before, began = cpu(process.pid), time.monotonic()
                process.send_signal(signal.SIGHUP)
                wait_until_muted(self.port, f"changed{number}.example")
                result["reload"] = time.monotonic() - began
                time.sleep(1)  # until the old names are given back
                result["reload cpu"] = cpu(process.pid) - before
                result["peak"] = max(result["peak"], status(process.pid, "VmHWM"))
            result["after"] = status(process.pid, "VmRSS")
            return result
        finally:
            if process:
                process.kill()
                process.wait()


class Sordino(Server):
    what, runs = "sordino", ["cold", "warm"]

    def __init__(self, directory, listed):
        self.directory, self.listed, self.port = directory, listed, free_port()

    def command(self):
        return [BUILT / "sordino", "--config", self.directory / "config.toml", "run"]

    def prepare(self):
        (self.directory / "config.toml").write_text(
            f"""
[dns]
listen = ["127.0.0.1:{self.port}"]
[upstream]
servers = ["udp://127.0.0.1:9"]
[[list]]
name = "catalogue"
source = "{PROJECT}/blocklists"
[[list]]
name = "million"
source = "{self.listed}"
[web]
listen = "127.0.0.1:0"
[store]
path = "{self.directory}/data"
"""
        )

    def change(self, number):
        with self.listed.open("a") as listed:
            listed.write(f"changed{number}.example\n")


class Unbound(Server):
    what, runs = "unbound", ["cold"]

    def __init__(self, directory, names):
        self.directory, self.names, self.port = directory, names, free_port()

    def command(self):
        return [program("unbound"), "-c", self.directory / "unbound.conf"]

    def prepare(self):
        zones = "".join(f'local-zone: "{name}" always_null\n' for name in self.names)
        self.directory.joinpath("unbound.conf").write_text(
            f"""server:
    interface: 127.0.0.1@{self.port}
    do-daemonize: no
    use-syslog: no
    logfile: ""
    chroot: ""
    username: ""
    pidfile: ""
    directory: "{self.directory}"
    module-config: "iterator"
    num-threads: 1
remote-control:
    control-enable: no
server:
{zones}"""
        )

    def change(self, number):
        with self.directory.joinpath("unbound.conf").open("a") as config:
            config.write(f'local-zone: "changed{number}.example" always_null\n')


class Dnsmasq(Server):
    what, runs = "dnsmasq", ["cold"]

    def __init__(self, directory, names):
        self.directory, self.names, self.port = directory, names, free_port()

    def command(self):
        hosts = self.directory / "hosts"
        options = ["--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root", "--bind-interfaces"]
        return [program("dnsmasq"), *options, f"--addn-hosts={hosts}", "--listen-address=127.0.0.1", f"--port={self.port}"]

    def prepare(self):
        self.directory.joinpath("hosts").write_text("".join(f"0.0.0.0 {name}\n" for name in self.names))

    def change(self, number):
        with self.directory.joinpath("hosts").open("a") as hosts:
            hosts.write(f"0.0.0.0 changed{number}.example\n")


def show(results):
    columns = [
        ("RSS at start", "start", 1 / 1024, "MB"),
        (f"after {ASKED // 1000}k names", "asked", 1 / 1024, "MB"),
        ("peak in reload", "peak", 1 / 1024, "MB"),
        ("after reloads", "after", 1 / 1024, "MB"),
        ("ready, cold", "cold", 1, "s"),
        ("CPU", "cold cpu", 1, "s"),
        ("ready, warm", "warm", 1, "s"),
        ("reload", "reload", 1, "s"),
        ("CPU", "reload cpu", 1, "s"),
        ("a query, CPU", "each cpu", 1e6, "µs"),
        ("there and back", "each", 1e6, "µs"),
    ]
    print(f"\n{'':16}" + "".join(f"{result['what']:>12}" for result in results))
    for title, key, factor, unit in columns:
        cells = [f"{result[key] * factor:.2f} {unit}" if key in result else "-" for result in results]
        print(f"{title:16}" + "".join(f"{cell:>12}" for cell in cells))


def rows_by_class():
    rows = {}
    for path in sorted((PROJECT / "blocklists").glob("*.toml")):
        for kind in re.findall(r"\{\s*(block|watch|never)\s*=", path.read_text()):
            vendor = rows.setdefault(path.stem, {"block": 0, "watch": 0, "never": 0})
            vendor[kind] += 1
    total = {kind: sum(vendor[kind] for vendor in rows.values()) for kind in ("block", "watch", "never")}
    print(f"\ncatalogue: {len(rows)} files; {total['block']} block, {total['watch']} watch, {total['never']} never; the largest:")
    for vendor, kinds in sorted(rows.items(), key=lambda row: -sum(row[1].values()))[:10]:
        print(f"  {vendor:20} {kinds['block']:>5} {kinds['watch']:>5} {kinds['never']:>5}")


def guarded():
    """Names of the catalogue that no list may mute."""
    text = "".join(path.read_text() for path in (PROJECT / "blocklists").glob("*.toml"))
    return set(re.findall(r"""never\s*=\s*["']([^"'/]+)["']""", text))


def is_below(name, zones):
    labels = name.split(".")
    return any(".".join(labels[at:]) in zones for at in range(len(labels)))


def ask(port, names):
    """Asks for each name, one after the other; seconds for one, sockets and this program included."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(5)
        asker.connect(("127.0.0.1", port))
        began = time.monotonic()
        for number, name in enumerate(names):
            try:
                muted = is_muted(asker, name, number & 0xFFFF)
            except TimeoutError:
                sys.exit(f"nobody answers for {name}, the {number}th")
            if not muted:
                sys.exit(f"{name} is not muted")
        return (time.monotonic() - began) / len(names)


def is_muted(asker, name, number):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    asker.send(struct.pack("!6H", number, 0x100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1")
    answer = asker.recv(512)
    answers = struct.unpack("!H", answer[6:8])[0]
    return answers == 1 and b"\0\4\0\0\0\0" in answer[16 + len(labels) :]


def wait_until_muted(port, name):
    deadline, number = time.monotonic() + PATIENCE, 0
    while time.monotonic() < deadline:
        # A socket for each question: the answer to an earlier one may still come.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.settimeout(0.2)
            asker.connect(("127.0.0.1", port))
            number += 1
            try:
                if is_muted(asker, name, number):
                    return
            except OSError:
                pass
        time.sleep(0.05)
    sys.exit(f"{name} is not muted after a reload")


def wait_for(port, process):
    query = bytes.fromhex("123401000001000000000000096c6f63616c686f73740000010001")
    deadline = time.monotonic() + PATIENCE
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(0.02)
        asker.connect(("127.0.0.1", port))
        while time.monotonic() < deadline and process.poll() is None:
            try:
                asker.send(query)
                asker.recv(512)
                return
            except OSError:
                time.sleep(0.01)
    sys.exit(f"nobody answers on port {port}")


def cpu_of(command):
    before = os.times()
    subprocess.run(list(map(str, command)), check=True, env={**os.environ, "LC_ALL": "C"})
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def cpu(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def nanoseconds(pid):
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks)


def status(pid, key):
    return int(re.search(rf"{key}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1))


def program(name):
    inside = Path("/usr/sbin") / name
    return inside if inside.exists() else Path(shutil.which(name) or name)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


if __name__ == "__main__":
    sys.exit(main())
