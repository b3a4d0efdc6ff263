#!/usr/bin/env python3
"""How long a house waits for its first answer when the machine has just been started.

Usage: first.py [--rounds 5] [--binary PATH] [--million]

Each round ends the server, makes the kernel forget every file (as root; else it says that it could not), starts the server,
and asks for one muted name every millisecond until the answer comes. With --million a list of a million names is in force
besides the catalogue, as it was compiled before the restart. What counts is the time from the start of the program.
"""

import argparse
import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import lists
import servers

PATIENCE = 60


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--binary", type=Path, default=servers.BUILT / "sordino")
    parser.add_argument("--million", action="store_true")
    options = parser.parse_args()
    muted = servers.muted_names()[0]
    with tempfile.TemporaryDirectory() as directory:
        house = House(Path(directory), options)
        # The very first start makes the store and compiles the lists; it is a start too, but not the one after a power cut.
        print(f"very first start: {house.first_answer(muted):.3f} s")
        took = [house.first_answer(muted) for _ in range(options.rounds)]
        print(f"cold start: median {statistics.median(took):.3f} s, most {max(took):.3f} s of {len(took)}; load {os.getloadavg()[0]:.1f}")
    return 0 if max(took) <= 1 else 1


class House:
    def __init__(self, directory, options):
        self.port, self.config = servers.free_port(), directory / "config.toml"
        self.command = [options.binary, "--config", self.config, "run"]
        more = ""
        if options.million:
            (directory / "names.txt").write_text("\n".join(lists.million_names()[0]) + "\n")
            more = f'[[list]]\nname = "million"\nsource = "{directory}/names.txt"\n'
        self.config.write_text(
            f"""
[dns]
listen = ["127.0.0.1:{self.port}"]
[upstream]
servers = ["udp://127.0.0.1:9"]
[[list]]
name = "catalogue"
source = "{servers.PROJECT}/blocklists"
{more}[web]
listen = "127.0.0.1:0"
[store]
path = "{directory}/data"
"""
        )

    def first_answer(self, name):
        """Seconds from the start of the program to its answer."""
        forget_files()
        began = time.monotonic()
        process = subprocess.Popen(list(map(str, self.command)), **servers.QUIET)
        try:
            answer = self.ask(name, process)
            took = time.monotonic() - began
            if answer[3] & 0xF or not answer.endswith(b"\0\4\0\0\0\0"):
                sys.exit(f"{name} was not muted: {answer.hex()}")
            process.terminate()
            if process.wait(PATIENCE) != 0:
                sys.exit("the server did not end well")
            return took
        finally:
            process.kill()
            process.wait()

    def ask(self, name, process):
        labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
        query = struct.pack("!6H", 7, 0x100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"
        deadline = time.monotonic() + PATIENCE
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.settimeout(0.001)
            asker.connect(("127.0.0.1", self.port))
            while time.monotonic() < deadline and process.poll() is None:
                try:
                    asker.send(query)
                    return asker.recv(512)
                except OSError:  # nobody listens yet, or it thinks about it
                    time.sleep(0.001)
        sys.exit("the server does not answer")


def forget_files():
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3\n")
    except OSError as error:
        print(f"the kernel's caches stay as they are: {error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
