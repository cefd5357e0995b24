#!/usr/bin/env python3
"""Health checks of 10,000 backends: how evenly they arrive, and what they cost.

usage: many-checks.py RINGWAY RINGWAY-LOADTEST [seconds]

The backends are addresses of 127.0.0.0/8 behind one origin; Linux takes all of them as its own. Arrivals are the connections
that this machine accepts each second (PassiveOpens), so nothing else may run on it. CPU is the daemon's own, in percent of
one core.
"""

import os
import subprocess
import sys
import tempfile
import time

BACKENDS = 10_000
PORT = 9300
CLOCK_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# The first seconds of a process: its start, and the connections of whoever started it.
WARM_UP_S = 3


def configuration():
    """One cluster, every check at its default: each backend once in 10 s."""
    lines = ["[daemon]", "shards = 2", "[[listeners]]", 'name = "web"', 'address = "127.0.0.1:0"']
    lines += ["[clusters.site.health_check]", "[[clusters.site.frontends]]"]
    for n in range(BACKENDS):
        lines += ["[[clusters.site.backends]]", f'address = "127.1.{n // 250}.{1 + n % 250}:{PORT}"']
    return "\n".join(lines) + "\n"


def passive_opens():
    with open("/proc/net/snmp") as file:
        names, values = [line.split() for line in file if line.startswith("Tcp:")]
    return int(values[names.index("PassiveOpens")])


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS_PER_S


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    ringway, loadtest = sys.argv[1:3]
    seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 40
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(configuration())
        file.flush()
        origin = subprocess.Popen([loadtest, "origin", "--listen", f"0.0.0.0:{PORT}", "--size", "2"], **quiet)
        daemon = subprocess.Popen([ringway, "start", "-c", file.name], **quiet)
        try:
            time.sleep(WARM_UP_S)
            counts, begin, cpu = [], time.monotonic(), cpu_s(daemon.pid)
            before = passive_opens()
            for second in range(seconds):
                time.sleep(max(0, begin + second + 1 - time.monotonic()))
                now = passive_opens()
                counts.append(now - before)
                before = now
            share = (cpu_s(daemon.pid) - cpu) / (time.monotonic() - begin)
            if daemon.poll() is not None:
                sys.exit("the daemon has ended: start it by hand to see why")
        finally:
            for process in (daemon, origin):
                process.terminate()
                process.wait()
    mean = sum(counts) / len(counts)
    print(f"probes per second: mean {mean:.0f}, least {min(counts)}, most {max(counts)} = {max(counts) / mean:.2f} x")
    print(f"CPU of the daemon: {100 * share:.1f} % of one core")


if __name__ == "__main__":
    main()
