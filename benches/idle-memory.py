#!/usr/bin/env python3
"""Resident memory of an idle keep-alive connection: 8,000 of them, each with one request made, after 500 that warmed up.

    cargo build --release -p ringway -p ringway-loadtest && benches/idle-memory.py [CONNECTIONS]

Needs twice as many descriptors as connections in this process and in Ringway's (ulimit -n). One shard; `Rss` of
`/proc/PID/smaps_rollup` before and after.
"""
import os
import re
import resource
import socket
import subprocess
import sys
import time

FOLDER = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(os.path.dirname(__file__), "../target")), "release")
REQUEST = b"GET / HTTP/1.1\r\nHost: idle.test\r\n\r\n"


def start(*command):
    """A child and the first address that it prints."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for line in child.stdout:
        if found := re.search(r"127\.0\.0\.1:([1-9]\d*)", line):
            return child, int(found[1])
    sys.exit(f"{command[0]} did not start")


def rss_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        return next(int(line.split()[1]) for line in rollup if line.startswith("Rss"))


def asked(port):
    """A connection that has made a request and got its answer."""
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(REQUEST)
    answer = b""
    while b"\r\n\r\nhello\n" not in answer:
        answer += client.recv(4096)
    return client


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    origin, origin_port = start(f"{FOLDER}/ringway-loadtest", "origin", "--listen", "127.0.0.1:0")
    ringway, port = start(f"{FOLDER}/ringway", "start", "--listen", "127.0.0.1:0", "--to", f"127.0.0.1:{origin_port}",
                          "--shards", "1")
    try:
        for client in [asked(port) for _ in range(500)]:
            client.close()
        time.sleep(1)
        before = rss_kib(ringway.pid)
        clients = [asked(port) for _ in range(count)]
        time.sleep(3)
        after = rss_kib(ringway.pid)
        print(f"{len(clients)} connections: {before} -> {after} KiB, {(after - before) * 1024 / count:.0f} bytes each")
    finally:
        ringway.kill()
        origin.kill()


main()
