#!/usr/bin/env python3
"""A house with a million names in force: what sordino keeps in memory, and what it writes, while twenty devices ask.

Usage: house.py [--seconds 600] [--rate 2000] [--quiet 0] [--cap 64M] [--reload 0] [--page]

Twenty devices (addresses of the loopback network) ask RATE questions a second between them: names as a household asks
them, few of them often and many seldom, a fifth of them muted, one in a hundred never asked before. Every question and
every answer is counted. With --cap the server runs in a memory cgroup of that size; with --reload the list changes and is
read again every so many seconds; with --page a page is open: live queries, and what the overview asks, every five seconds.
With --quiet nobody asks for so many seconds at the end, and with --trickle one device asks once a second meanwhile.
"""

import argparse
import http.client
import json
import os
import random
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import lists

DEVICES = 20
KNOWN = 4_000
MUTED = 1_000
PATIENCE = 5
CGROUPS = Path("/sys/fs/cgroup")


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as directory:
        directory = Path(directory)
        names, _ = lists.million_names()
        house = House(directory, names, options)
        try:
            house.start()
            run(house, names, options)
        finally:
            house.end()
    return 1 if house.failed else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--quiet", type=int, default=0)
    parser.add_argument("--trickle", action="store_true")
    parser.add_argument("--cap")
    parser.add_argument("--reload", type=int, default=0)
    parser.add_argument("--page", action="store_true")
    return parser.parse_args()


def run(house, names, options):
    show("at start", house)
    page = Page(house) if options.page else None
    written, flushes = house.written(), house.counter("store_flushes")
    asking = Asking(house.port, names, options.rate)
    reloads, next_reload = 0, options.reload or float("inf")
    began = time.monotonic()
    while (passed := time.monotonic() - began) < options.seconds:
        if passed >= next_reload:
            reloads, next_reload = reloads + 1, next_reload + options.reload
            house.reload(reloads)
        asking.go_on(began)
    asking.wait_for_the_last()
    seconds = time.monotonic() - began
    show("after", house)
    print(f"\n{asking.sent:,} queries in {seconds:.0f} s ({asking.sent / seconds:,.0f} a second), lost {asking.lost}; {reloads} reloads")
    house.failed |= asking.lost > 0 or not house.lives()
    by_now = house.written() - written
    print(f"written while they asked: {by_now:,} bytes, {by_now / asking.sent:.2f} a query; {house.counter('store_flushes') - flushes} flushes")
    print(f"events dropped: {house.counter('events_dropped')}")
    if page:
        print(f"page: {page.asked} requests, {page.refused} refused, {page.live} queries seen live; slowest {page.slowest * 1000:.0f} ms")
        page.stop()
    house.show_cap()
    if options.quiet:
        rest(house, options, names)
    left = house.written()
    in_all = house.stop() - written
    print(f"written when it had stopped: {in_all:,} bytes, {in_all / asking.sent:.2f} a query (of that {in_all - (left - written):,} at the end)")


def rest(house, options, names):
    """Seconds in which hardly anyone asks, or nobody. What was asked before is written down in them, by one flush."""
    written, flushes, began = house.written(), house.counter("store_flushes"), time.monotonic()
    asking = Asking(house.port, names, 1)
    while time.monotonic() - began < options.quiet:
        asking.go_on(began) if options.trickle else time.sleep(1)
    flushes, written = house.counter("store_flushes") - flushes, house.written() - written
    who = "one query a second" if options.trickle else "nobody asks"
    print(f"at rest, {who}, {options.quiet} s: {flushes} flushes, that of the questions before included ({flushes * 3600 / options.quiet:.0f} an hour), {written:,} bytes")


class House:
    """The server, a forwarder that knows everything, and the cgroup if there is one."""

    def __init__(self, directory, names, options):
        self.directory, self.listed = directory, directory / "names.txt"
        self.listed.write_text("\n".join(names) + "\n")
        self.port, self.page, self.forwarder = lists.free_port(), lists.free_port(), lists.free_port()
        self.cap = Cap(options.cap) if options.cap else None
        self.processes, self.cookie, self.failed, self.pid = [], None, False, None

    def start(self):
        self.write_config()
        unbound = [lists.program("unbound"), "-c", self.directory / "unbound.conf"]
        self.spawn(unbound, self.forwarder)
        self.server = self.spawn([lists.BUILT / "sordino", "--config", self.directory / "config.toml", "run"], self.port, self.cap)
        self.pid = self.server.pid
        status, headers, _ = self.ask("POST", "/api/v1/setup", {"password": "a house with a million names"})
        if status != 204:
            sys.exit(f"the page's password cannot be set: {status}")
        self.cookie = headers["set-cookie"].split(";")[0]

    def spawn(self, command, port, cap=None):
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": (self.directory / "errors").open("a")}
        process = subprocess.Popen(list(map(str, command)), **quiet, preexec_fn=cap.enter if cap else None)
        self.processes.append(process)
        lists.wait_for(port, process)
        return process

    def write_config(self):
        (self.directory / "config.toml").write_text(
            f"""
[dns]
listen = ["127.0.0.1:{self.port}"]
[upstream]
servers = ["udp://127.0.0.1:{self.forwarder}"]
[[list]]
name = "catalogue"
source = "{lists.PROJECT}/blocklists"
[[list]]
name = "million"
source = "{self.listed}"
[web]
listen = "127.0.0.1:{self.page}"
[store]
path = "{self.directory}/data"
"""
        )
        (self.directory / "unbound.conf").write_text(
            f"""server:
    interface: 127.0.0.1@{self.forwarder}
    do-daemonize: no
    use-syslog: no
    logfile: ""
    chroot: ""
    username: ""
    pidfile: ""
    directory: "{self.directory}"
    module-config: "iterator"
    local-zone: "." redirect
    local-data: ". 300 IN A 192.0.2.1"
remote-control:
    control-enable: no
"""
        )

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.page, timeout=30)
        headers = {"Content-Type": "application/json"} | ({"Cookie": self.cookie} if self.cookie else {})
        connection.request(method, path, json.dumps(body) if body else None, headers)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, response.headers, content

    def counter(self, name):
        status, _, content = self.ask("GET", "/api/v1/status")
        return json.loads(content)["counters"][name] if status == 200 else 0

    def reload(self, number):
        with self.listed.open("a") as listed:
            listed.write(f"changed{number}.example\n")
        self.server.send_signal(signal.SIGHUP)

    def written(self):
        return int(re.search(r"^write_bytes: (\d+)", Path(f"/proc/{self.pid}/io").read_text(), re.M).group(1))

    def lives(self):
        return self.server.poll() is None

    def stop(self):
        """Ends the server; bytes that it wrote in its whole life."""
        self.server.terminate()
        _, code, used = os.wait4(self.pid, 0)
        self.server.returncode = os.waitstatus_to_exitcode(code)
        self.failed |= self.server.returncode != 0
        return used.ru_oublock * 512

    def show_cap(self):
        if self.cap:
            self.failed |= self.cap.show()

    def end(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        if self.cap:
            self.cap.remove()


class Cap:
    """A memory cgroup of its own, of either version."""

    def __init__(self, size):
        self.bytes = int(size.rstrip("MmKkGg")) << {"K": 10, "M": 20, "G": 30}.get(size[-1].upper(), 0)
        self.v1 = (CGROUPS / "memory").is_dir()
        self.path = CGROUPS / ("memory" if self.v1 else "") / f"sordino-bench-{os.getpid()}"
        self.path.mkdir()
        (self.path / ("memory.limit_in_bytes" if self.v1 else "memory.max")).write_text(str(self.bytes))

    def enter(self):
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def read(self, file, key=None):
        text = (self.path / file).read_text()
        return int(re.search(rf"^{key} (\d+)", text, re.M).group(1) if key else text)

    def show(self):
        if self.v1:
            killed, peak = self.read("memory.oom_control", "oom_kill"), self.read("memory.max_usage_in_bytes")
            full, again = self.read("memory.failcnt"), self.read("memory.stat", "workingset_refault_file") * 4096
            faults = self.read("memory.stat", "pgmajfault")
        else:
            killed, peak = self.read("memory.events", "oom_kill"), self.read("memory.peak")
            full, again = self.read("memory.events", "max"), self.read("memory.stat", "workingset_refault_file") * 4096
            faults = self.read("memory.stat", "pgmajfault")
        cache, held = self.read("memory.stat", "cache" if self.v1 else "file"), self.read("memory.stat", "rss" if self.v1 else "anon")
        print(
            f"cgroup of {self.bytes >> 20} MB: peak {peak / 2**20:.1f} MB (file pages included), reclaimed when full {full:,} times,"
            f" {again / 2**20:.1f} MB of files read again, {faults} waits for the disk, {killed} killed;"
            f" now {held / 2**20:.1f} MB of its own and {cache / 2**20:.1f} MB of files"
        )
        return killed > 0

    def remove(self):
        try:
            self.path.rmdir()
        except OSError as error:
            print(f"{self.path} is left: {error}", file=sys.stderr)


class Asking:
    """Questions at a steady pace, and their answers."""

    def __init__(self, port, names, rate):
        chance = random.Random(3)
        guards = lists.guarded()
        muted = [name for name in chance.sample(names, 2 * MUTED) if not lists.is_below(name, guards)][:MUTED]
        known = [f"{chance.choice(['www', 'api', 'cdn', 'img', 'app'])}.site{number}.net" for number in range(KNOWN)]
        self.chance, self.muted, self.known, self.rate = chance, muted, known, rate
        # Zipf: the nth name is asked for one nth as often as the first.
        self.weights = {id(pool): cumulated(len(pool)) for pool in (muted, known)}
        self.sockets, self.poll, self.by_descriptor = [], select.epoll(), {}
        for number in range(DEVICES):
            asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            asker.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            asker.bind((f"127.0.1.{10 + number}", 0))
            asker.connect(("127.0.0.1", port))
            self.poll.register(asker, select.EPOLLIN)
            self.sockets.append(asker)
            self.by_descriptor[asker.fileno()] = number
        self.sent, self.fresh, self.open, self.lost = 0, 0, {}, 0

    def go_on(self, began):
        """Sends what is due, takes what has come, and rests for a moment."""
        due = int((time.monotonic() - began) * self.rate) - self.sent
        for _ in range(min(due, 200)):
            self.send()
        self.take(0.005)

    def send(self):
        device, number = self.sent % DEVICES, self.sent // DEVICES & 0xFFFF
        if (device, number) in self.open:
            self.lost += 1
        wire = b"".join(bytes([len(label)]) + label.encode() for label in self.name().split("."))
        kind = 28 if self.chance.random() < 0.4 else 1
        message = struct.pack("!6H", number, 0x100, 1, 0, 0, 0) + wire + b"\0" + struct.pack("!2H", kind, 1)
        self.open[device, number] = None
        self.sockets[device].send(message)
        self.sent += 1

    def name(self):
        dice = self.chance.random()
        if dice < 0.01:
            self.fresh += 1
            return f"e{self.fresh}.edge{self.fresh % 7}.net"
        pool = self.muted if dice < 0.21 else self.known
        return self.chance.choices(pool, cum_weights=self.weights[id(pool)])[0]

    def take(self, patience):
        for descriptor, _ in self.poll.poll(patience):
            device = self.by_descriptor[descriptor]
            try:
                while True:
                    answer = self.sockets[device].recv(512)
                    if answer[3] & 0xF == 0:
                        self.open.pop((device, struct.unpack("!H", answer[:2])[0]), None)
            except BlockingIOError:
                pass

    def wait_for_the_last(self):
        deadline = time.monotonic() + PATIENCE
        while self.open and time.monotonic() < deadline:
            self.take(0.05)
        self.lost += len(self.open)


class Page:
    """What a browser with the overview open asks for."""

    PATHS = ["/api/v1/overview", "/api/v1/devices", "/api/v1/status", "/api/v1/queries?limit=100", "/api/v1/lists"]

    def __init__(self, house):
        self.house, self.asked, self.refused, self.live, self.slowest, self.ended = house, 0, 0, 0, 0.0, False
        for work in (self.watch, self.look):
            threading.Thread(target=work, daemon=True).start()

    def stop(self):
        self.ended = True

    def watch(self):
        stream = http.client.HTTPConnection("127.0.0.1", self.house.page, timeout=60)
        stream.request("GET", "/api/v1/queries/live", headers={"Cookie": self.house.cookie})
        response = stream.getresponse()
        while not self.ended and (content := response.read1(65536)):
            self.live += content.count(b"event: query") or content.count(b"event:query")

    def look(self):
        while not self.ended:
            for path in self.PATHS:
                began = time.monotonic()
                try:
                    status = self.house.ask("GET", path)[0]
                except OSError:
                    status = 0
                self.slowest = max(self.slowest, time.monotonic() - began)
                self.asked += 1
                self.refused += status != 200
            time.sleep(5)


def show(when, house):
    status = Path(f"/proc/{house.pid}/status").read_text()
    megabytes = lambda key: int(re.search(rf"{key}:\s+(\d+)", status).group(1)) / 1024
    print(
        f"{when:10} RSS {megabytes('VmRSS'):.1f} MB (own {megabytes('RssAnon'):.1f}, files {megabytes('RssFile'):.1f}),"
        f" most so far {megabytes('VmHWM'):.1f} MB"
    )


def cumulated(count):
    total, weights = 0.0, []
    for number in range(1, count + 1):
        total += 1 / number
        weights.append(total)
    return weights


if __name__ == "__main__":
    sys.exit(main())
