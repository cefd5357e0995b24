#!/usr/bin/env bash
# What slow clients do to everybody else: the latency of normal traffic alone, and beside 2,000 connections of slowhttptest
# (Debian package) with slow heads, slow bodies and slow reads.
#
#   benches/slow-clients.sh [SECONDS-PER-MEASUREMENT, default 15] [ROUNDS, default 3]
#
# slowhttptest itself costs CPU on the machine. So each attack is also measured while it goes to another Ringway ("decoy"):
# the difference between the two is what the attack does to the one that serves. Ringway runs on core 0 with one shard, all
# else on core 1. Prints p50, p99 and maximum, resident memory, and descriptors before and after.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-15} rounds=${2:-3} rate=1000 connections=2000
target=${CARGO_TARGET_DIR:-target}/release
command -v slowhttptest >/dev/null || { echo "slowhttptest is missing: apt-get install slowhttptest" >&2; exit 1; }
[ -n "${NO_BUILD:-}" ] || cargo build --release --quiet -p ringway -p ringway-loadtest
folder=$(mktemp -d)
started=()
trap 'kill "${started[@]}" 2>/dev/null || true; wait; rm -rf "$folder"' EXIT

begin() { # NAME CORE COMMAND...
  local name=$1 core=$2; shift 2
  taskset -c "$core" "$@" >"$folder/$name.out" 2>"$folder/$name.log" & last=$!
  started+=("$last")
}
address() { # NAME PATTERN: the first address in what it printed
  for _ in $(seq 100); do
    grep -om1 '127\.0\.0\.1:[1-9][0-9]*' "$folder/$1.out" && return
    sleep 0.1
  done
  echo "$1 did not start:" >&2; cat "$folder/$1.log" >&2; exit 1
}
begin origin 1 "$target/ringway-loadtest" origin --listen 127.0.0.1:0 --size 64KiB
origin=$(address origin)
for name in served decoy; do
  begin "$name" "$([ $name = served ] && echo 0 || echo 1)" \
    "$target/ringway" start --listen 127.0.0.1:0 --to "$origin" --shards 1
  declare "$name=$(address $name)" "${name}_pid=$last"
done

status() { awk -v key="$2:" '$1 == key { print $2 }' "/proc/$1/status"; }
descriptors() { ls "/proc/$1/fd" | wc -l; }
measure() { # LABEL
  taskset -c 1 "$target/ringway-loadtest" run -c 16 -r $rate -d "${seconds}s" "http://$served/?size=1000" >"$folder/run" 2>&1
  local line; line=$(tr '\n' ' ' <"$folder/run")
  printf '%-22s rss %6s KiB  fds %5s  %s\n' "$1" "$(status "$served_pid" VmRSS)" "$(descriptors "$served_pid")" "$line"
}
attack() { # MODE VICTIM-ADDRESS
  local options
  case $1 in
    head) options=(-H -i 5 -x 24) ;;
    body) options=(-B -i 5 -s 8192 -x 10) ;;
    read) options=(-X -w 10 -y 20 -n 5 -z 32 -k 1) ;;
  esac
  # It exits by itself; the shell would otherwise wait for its whole length.
  taskset -c 1 slowhttptest "${options[@]}" -c $connections -r 1000 -l $((seconds + 10)) -p 30 -v 0 \
    -u "http://$2/" >"$folder/attack.log" 2>&1 & attacker=$!
  sleep 4
}
for round in $(seq "$rounds"); do
  measure "$round alone"
  for mode in head body read; do
    for victim in decoy served; do
      attack $mode "${!victim}"
      measure "$round slow $mode, $victim"
      kill "$attacker" 2>/dev/null || true; wait "$attacker" 2>/dev/null || true
      sleep 2
    done
  done
done
sleep 3
echo "at the end: rss $(status "$served_pid" VmRSS) KiB (peak $(status "$served_pid" VmHWM)), $(descriptors "$served_pid") descriptors"
