"""The servers that are measured beside each other: how each is configured, started, watched and ended."""

import http.cookiejar
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
BUILT = Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target")) / "release"
CACHED_NAMES = 200
PATIENCE = 60
QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


class Server:
    """A program that answers on `port`. It ends with the `with` block, whatever happens."""

    environment = {}

    def __init__(self, directory):
        self.directory = directory / self.what
        self.directory.mkdir()
        self.port = free_port()

    def start(self, *before):
        """Starts it, behind the words of another program such as valgrind, and waits until it answers."""
        environment = os.environ | self.environment
        self.process = subprocess.Popen(list(map(str, [*before, *self.command()])), env=environment, **QUIET)
        wait_for(self.port, self.process)
        return self

    def stop(self):
        """Ends it as an operator would, so that what is in memory is written."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def cpu(self):
        """User and system time, all threads, seconds (proc(5): fields 14 and 15 of stat)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident(self):
        """KiB."""
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text()).group(1))


class Echo(Server):
    what = "echo"

    def command(self):
        return [BUILT / "examples/echo", f"127.0.0.1:{self.port}"]


class Unbound(Server):
    """Mutes names by local zones; what others cache it has in a zone, and in its own cache once it was asked."""

    what = "unbound"

    def __init__(self, directory, muted):
        super().__init__(directory)
        names = "".join(f"n{number} A 192.0.2.{1 + number % 250}\n" for number in range(CACHED_NAMES))
        zone = "$ORIGIN example.\n$TTL 3600\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\n" + names
        (self.directory / "zone").write_text(zone)
        zones = "".join(f'    local-zone: "{name}" always_null\n' for name in muted)
        (self.directory / "unbound.conf").write_text(
            f"""
server:
    interface: 127.0.0.1@{self.port}
    do-daemonize: no
    use-syslog: no
    logfile: "{self.directory}/log"
    chroot: ""
    username: ""
    pidfile: ""
    directory: "{self.directory}"
    module-config: "iterator"
    num-threads: {os.cpu_count()}
    so-reuseport: yes
{zones}remote-control:
    control-enable: no
auth-zone:
    name: "example."
    zonefile: "{self.directory}/zone"
    for-downstream: no
    for-upstream: yes
    fallback-enabled: no
"""
        )

    def command(self):
        return [program("unbound"), "-c", self.directory / "unbound.conf"]


class Dnsmasq(Server):
    """Mutes names by a hosts file, the fastest way it has; forwards the rest, and caches it."""

    what = "dnsmasq"

    def __init__(self, directory, muted, forwarder):
        super().__init__(directory)
        self.forwarder = forwarder
        (self.directory / "hosts").write_text("".join(f"0.0.0.0 {name}\n" for name in muted))

    def command(self):
        options = ["--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root", "--bind-interfaces"]
        cache = [f"--server=127.0.0.1#{self.forwarder}", "--cache-size=10000", "--dns-forward-max=1000", "--local-ttl=10"]
        hosts = f"--addn-hosts={self.directory}/hosts"
        return [program("dnsmasq"), *options, *cache, hosts, "--listen-address=127.0.0.1", f"--port={self.port}"]


class Sordino(Server):
    """With everything recorded: journal, tallies, on disk."""

    what = "sordino"
    # What it would set for itself (src/cli/heap.rs) by starting once more, which valgrind does not follow.
    environment = {
        "MALLOC_ARENA_MAX": "1",
        "MALLOC_MMAP_THRESHOLD_": "131072",
        "MALLOC_TRIM_THRESHOLD_": "131072",
    }

    def __init__(self, directory, forwarder):
        super().__init__(directory)
        self.page = free_port()
        (self.directory / "config.toml").write_text(
            f"""
[dns]
listen = ["127.0.0.1:{self.port}"]
[upstream]
servers = ["udp://127.0.0.1:{forwarder}"]
[[list]]
name = "catalogue"
source = "{PROJECT}/blocklists"
[web]
listen = "127.0.0.1:{self.page}"
[store]
path = "{self.directory}/data"
"""
        )

    def command(self):
        return [BUILT / "sordino", "--config", self.directory / "config.toml", "run"]

    def counters(self):
        """Of the status page, by name."""
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

        def call(path, body=None):
            body = body and json.dumps(body).encode()
            headers = {"Content-Type": "application/json"}
            request = urllib.request.Request(f"http://127.0.0.1:{self.page}/api/v1/{path}", body, headers)
            with browser.open(request, timeout=PATIENCE) as answer:
                return json.loads(answer.read() or "null")

        setup_needed = call("session")["setup_needed"]
        call("setup" if setup_needed else "login", {"password": "a quiet house"})
        return call("status")["counters"]


def muted_names():
    """Names that the catalogue mutes for everyone, without patterns."""
    row = re.compile(r'\{ block = "([a-z0-9.-]+)"(?![^}]*tier = "thorough")')
    names = [name for path in sorted((PROJECT / "blocklists").glob("*.toml")) for name in row.findall(path.read_text())]
    if len(names) < 50:
        sys.exit("the catalogue in blocklists/ has too few names to measure with")
    return names


def cached_names():
    return [f"n{number}.example" for number in range(CACHED_NAMES)]


def wait_for(port, process):
    """Waits until whoever listens on `port` answers a query for localhost."""
    query = bytes.fromhex("123401000001000000000000096c6f63616c686f73740000010001")
    deadline = time.monotonic() + PATIENCE
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(0.2)
        asker.connect(("127.0.0.1", port))
        while time.monotonic() < deadline and process.poll() is None:
            try:
                asker.send(query)
                asker.recv(512)
                return
            except OSError:
                time.sleep(0.05)
    sys.exit(f"nobody answers on port {port}")


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def program(name):
    inside = Path("/usr/sbin") / name
    return inside if inside.exists() else Path(shutil.which(name) or name)
