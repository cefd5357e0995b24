#!/usr/bin/env python3
"""What changes of the configuration cost the traffic beside them, and how many there can be.

usage: control-plane.py RINGWAY RINGWAY-LOADTEST [rounds] [seconds] [clusters]

Two shards serve small requests at a fixed rate. Each round (of 3) measures the traffic for some seconds (8) four times: alone,
beside 8 clients that make 2,000 changes a second together, beside the same clients as they change another daemon, which serves
nobody (what the clients and that many changes cost this machine), and beside 8 clients that make as many as they get answers. Every
client changes a cluster of its own: weights, backends, frontends, settings, one change to a verb. `clusters` more clusters (0),
each with a frontend and a backend, are there from the beginning, for what changes cost in a large configuration.

Prints the medians of the rounds and their spread: p99 of the traffic in milliseconds, from when a request was due, also as a
multiple of alone; what the changes took; the CPU of the daemon in percent of one core. Fails when a request fails, a change
is refused, or the shards end with different states. Nothing else may run on the machine.
"""

import json
import multiprocessing
import os
import re
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

CLIENTS = 8
# Changes per second, of all clients together.
PACE = 2_000
# Requests per second: some 30 % of a core of the daemon where a request costs it 14 microseconds.
RATE = 22_000
CONNECTIONS = 16
CLOCK_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# Changes of one batch, when clusters are added.
BATCH = 3_000


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def fields(message):
    """The fields of a protobuf message: numbers and texts by their field numbers."""
    found, at = {}, 0

    def number():
        nonlocal at
        n = shift = 0
        while True:
            byte = message[at]
            at += 1
            n |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return n

    while at < len(message):
        tag = number()
        if tag & 7 == 0:
            found[tag >> 3] = number()
        else:
            length = number()
            found[tag >> 3] = message[at : at + length]
            at += length
    return found


class Client:
    """Speaks verbs: JSON in field 1000 of the command protocol."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)

    def exactly(self, count):
        data = bytearray()
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                sys.exit("the daemon closed the command socket")
            data += piece
        return bytes(data)

    def ask(self, verb):
        text = json.dumps(verb).encode()
        message = varint(1000 << 3 | 2) + varint(len(text)) + text
        self.socket.sendall(struct.pack("<Q", len(message) + 8) + message)
        answer = fields(self.exactly(struct.unpack("<Q", self.exactly(8))[0] - 8))
        if 1000 in answer:
            sys.exit(f"refused: {answer[1000].decode()} of {text[:300].decode()}")
        return json.loads(fields(answer[3])[1000])

    def apply(self, *changes):
        return self.ask({"verb": "apply", "changes": changes})


def change(name, cluster, **more):
    return {"change": name, "cluster": cluster, **more}


def step(me, n):
    """The n-th change of a client: what it adds it takes away again within a round of six."""
    cluster, host = f"own-{me}", {"hostname": f"h{n // 6}.own-{me}.test"}
    return [
        lambda: change("backend_add", cluster, backend="b", set={"address": "127.0.0.1:9"}),
        lambda: change("backend_update", cluster, backend="b", set={"weight": 1 + n % 1000}),
        lambda: change("frontend_add", cluster, set=host),
        lambda: change("cluster_update", cluster, set={"retries": n // 6 % 16}),
        lambda: change("frontend_remove", cluster, set=host),
        lambda: change("backend_remove", cluster, backend="b"),
    ][n % 6]()


def changing(me, path, pace, seconds, limits, results):
    """A client: how many changes it made per second, and how long each took. `pace`: changes per second, or None. Begins at the
    first of the limits, and tells at the second, so that neither its start nor its result falls into the measurement."""
    client, took = Client(path), []
    limits[0].wait()
    begin, n = time.monotonic(), 0
    while time.monotonic() - begin < seconds or n % 6:
        if pace is not None:
            time.sleep(max(0, begin + n / pace - time.monotonic()))
        asked = time.monotonic()
        client.apply(step(me, n))
        took.append(time.monotonic() - asked)
        n += 1
    rate = n / (time.monotonic() - begin)
    limits[1].wait()
    results.put((rate, took))


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as file:
        spent = file.read().rsplit(")", 1)[1].split()
    return (int(spent[11]) + int(spent[12])) / CLOCK_TICKS_PER_S


class Stage:
    """The daemon, its origin, and whoever works on them."""

    def __init__(self, ringway, loadtest, folder):
        self.loadtest, self.path, self.started = loadtest, os.path.join(folder, "ringway.sock"), []
        origin = self.start([loadtest, "origin", "--listen", "127.0.0.1:0", "--size", "2"], r"127\.0\.0\.1:\d+")
        config = os.path.join(folder, "ringway.toml")
        with open(config, "w") as file:
            file.write(
                f'[daemon]\nshards = 2\nlog_level = "error"\ncommand_socket = "{self.path}"\n'
                f'[[listeners]]\nname = "web"\naddress = "127.0.0.1:0"\n'
                f'[clusters.site]\nfrontends = [{{}}]\nbackends = [{{ address = "{origin}" }}]\n'
            )
        self.address = self.start([ringway, "start", "-c", config], r"listener web on (127\.0\.0\.1:\d+)")
        self.daemon = self.started[-1]

    def start(self, command, pattern):
        """Starts a process, and returns the address that it prints."""
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.started.append(process)
        for line in process.stdout:
            if found := re.search(pattern, line):
                return found.group(found.re.groups)
        sys.exit(f"{command[0]} did not start")

    def end(self):
        for process in reversed(self.started):
            process.terminate()
            process.wait()

    def fill(self, clusters):
        client = Client(self.path)
        client.apply(*[change("cluster_add", f"own-{me}", set={}) for me in range(CLIENTS)])
        backend = {"address": "127.0.0.1:9"}
        changes = []
        for n in range(clusters):
            name = f"more-{n}"
            changes += [
                change("cluster_add", name, set={}),
                change("frontend_add", name, set={"hostname": f"{name}.test"}),
                change("backend_add", name, backend="b", set=backend),
            ]
        for at in range(0, len(changes), BATCH):
            client.apply(*changes[at : at + BATCH])

    def measure(self, pace, seconds, changed=None):
        """The traffic's figures, and the changes' if there are any. `pace`: changes per second of all; 0: none; None: at will.
        `changed`: another stage that the changes go to."""
        changed = changed or self
        results, clients = multiprocessing.Queue(), []
        limits = [multiprocessing.Barrier(CLIENTS + 1, timeout=seconds + 60) for _ in range(2)]
        if pace != 0:
            share = pace / CLIENTS if pace else None
            for me in range(CLIENTS):
                work = (me, changed.path, share, seconds, limits, results)
                client = multiprocessing.Process(target=changing, args=work, daemon=True)
                client.start()
                clients.append(client)
            limits[0].wait()
        cpu, begin = cpu_s(self.daemon.pid), time.monotonic()
        command = [self.loadtest, "run", "-c", str(CONNECTIONS), "-r", str(RATE), "-d", f"{seconds}s"]
        load = subprocess.run(
            [*command, f"http://{self.address}/"], stdout=subprocess.PIPE, text=True, timeout=seconds + 60
        )
        text = load.stdout
        figures = {"cpu": 100 * (cpu_s(self.daemon.pid) - cpu) / (time.monotonic() - begin)}
        for key in ("p50", "p99", "p99.9", "errors", "unanswered"):
            figures[key] = float(re.search(rf"^ +{re.escape(key)} +([\d.]+)", text, re.M).group(1))
        if figures["errors"] or load.returncode:
            sys.exit(f"requests failed:\n{text}")
        if pace != 0:
            limits[1].wait()
        told = [results.get(timeout=60) for _ in clients]
        for client in clients:
            client.join()
        if told:
            took = sorted(took for _, all_took in told for took in all_took)
            figures["rate"] = sum(rate for rate, _ in told)
            figures["change p50"] = 1000 * took[len(took) // 2]
            figures["change p99"] = 1000 * took[len(took) * 99 // 100]
        changed.same()
        return figures

    def same(self):
        hashes = Client(self.path).ask({"verb": "hashes"})
        if set(hashes["shards"].values()) != {hashes["state"]} or len(hashes["shards"]) != 2:
            sys.exit(f"the shards have different states: {hashes['state']} and {hashes['shards']}")


def spread(values, digits=3):
    values = sorted(values)
    return f"{statistics.median(values):.{digits}f} ({values[0]:.{digits}f} to {values[-1]:.{digits}f})"


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    ringway, loadtest = sys.argv[1:3]
    rounds, seconds, clusters = [int(text) for text in sys.argv[3:6]] + [3, 8, 0][len(sys.argv) - 3 :]
    elsewhere = f"{PACE} changes/s of another daemon"
    kinds = {"alone": 0, f"{PACE} changes/s": PACE, elsewhere: PACE, "changes at will": None}
    all_figures = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as others:
        stage, other = Stage(ringway, loadtest, folder), Stage(ringway, loadtest, others)
        try:
            stage.fill(clusters)
            other.fill(clusters)
            # The first seconds of a process are not like the others.
            stage.measure(0, 2)
            for _ in range(rounds):
                for kind, pace in kinds.items():
                    changed = other if kind == elsewhere else stage
                    all_figures[kind].append(stage.measure(pace, seconds, changed))
        finally:
            stage.end()
            other.end()
    print(f"{rounds} rounds of {seconds} s, {RATE} requests/s, {clusters} clusters beside: median (least to most)")
    for kind, figures in all_figures.items():
        print(f"\n{kind}")
        for key in ("p50", "p99", "p99.9"):
            print(f"  requests {key:6} {spread([one[key] for one in figures])} ms")
        ratios = [one["p99"] / alone["p99"] for one, alone in zip(figures, all_figures["alone"])]
        print(f"  p99 over alone  {spread(ratios, 2)}")
        if figures is all_figures[f"{PACE} changes/s"]:
            ratios = [one["p99"] / beside["p99"] for one, beside in zip(figures, all_figures[elsewhere])]
            print(f"  p99 over that beside changes of another daemon  {spread(ratios, 2)}")
        print(f"  unanswered      {spread([one['unanswered'] for one in figures], 0)}")
        print(f"  daemon's CPU    {spread([one['cpu'] for one in figures], 0)} % of a core")
        if "rate" in figures[0]:
            print(f"  changes         {spread([one['rate'] for one in figures], 0)} per second")
            print(f"  a change took   p50 {spread([one['change p50'] for one in figures])} ms")
            print(f"                  p99 {spread([one['change p99'] for one in figures])} ms")
    print("\nall shards had the same state after each")


if __name__ == "__main__":
    main()
