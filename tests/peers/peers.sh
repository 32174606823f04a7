#!/bin/sh
# One of the programs that others have written, against a server of ours on loopback.
# SPDX-License-Identifier: MIT
#
#     sh peers.sh PEER SERVER        PEER: nc_tcp, socat_tcp, socat_unix, socat_udp, curl, wrk
#
# Ends with 77 if the peer is not installed. All load is bounded; the server ends with this script.
set -eu

peer=$1
server=$2
tool=${peer%%_*}
command -v "$tool" >/dev/null 2>&1 || exit 77

work=$(mktemp -d)
child=
trap '[ -z "$child" ] || kill "$child" 2>/dev/null || :; rm -rf "$work"' EXIT

fail() {
  echo "$peer: $*" >&2
  exit 1
}

# Waits for a line of the server's that begins with $1, and prints the rest of it.
told() {
  for _ in $(seq 100); do
    line=$(sed -n "s/^$1//p" "$work/out")
    [ -z "$line" ] || break
    sleep 0.05
  done
  [ -n "$line" ] || fail "the server did not start"
  echo "$line"
}

# A megabyte, so that it does not fit into one segment, buffer or read.
head -c 1000000 /dev/urandom >"$work/sent"

case $peer in
  curl | wrk)
    port=0
    for try in 18431 28432 38433; do
      "$server" $try >"$work/out" 2>&1 &
      child=$!
      for _ in $(seq 40); do
        sleep 0.05
        kill -0 "$child" 2>/dev/null || break  # the port is somebody else's
        curl -s -o /dev/null "http://127.0.0.1:$try/" && port=$try && break
      done
      [ $port -eq 0 ] || break
    done
    [ $port -ne 0 ] || fail "no port was free"
    ;;
  *)
    mkfifo "$work/stop"
    "$server" "$work/socket" <"$work/stop" >"$work/out" 2>&1 &
    child=$!
    exec 9>"$work/stop"
    tcp=$(told 'tcp ')
    udp=$(told 'udp ')
    ;;
esac

case $peer in
  nc_tcp)
    nc -N 127.0.0.1 "$tcp" <"$work/sent" >"$work/got"
    cmp "$work/sent" "$work/got"
    ;;
  socat_tcp)
    socat -t 10 - "TCP:127.0.0.1:$tcp" <"$work/sent" >"$work/got"
    cmp "$work/sent" "$work/got"
    ;;
  socat_unix)
    socat -t 10 - "UNIX-CONNECT:$work/socket" <"$work/sent" >"$work/got"
    cmp "$work/sent" "$work/got"
    ;;
  socat_udp)
    for word in one two three; do
      got=$(echo "$word" | socat -T 2 -t 1 - "UDP:127.0.0.1:$udp")
      [ "$got" = "$word" ] || fail "sent '$word', got '$got'"
    done
    ;;
  curl)
    [ "$(curl -s "http://127.0.0.1:$port/")" = "Hello from weft" ] || fail "the page is not what it should be"
    [ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/nowhere")" = 404 ] || fail "no 404"
    # Two pages over one connection.
    [ "$(curl -s -o /dev/null -o /dev/null -w '%{num_connects} ' "http://127.0.0.1:$port/" \
      "http://127.0.0.1:$port/")" = "1 0 " ] || fail "the connection was not kept"
    ;;
  wrk)
    wrk -t 1 -c 50 -d 2s "http://127.0.0.1:$port/" >"$work/wrk"
    cat "$work/wrk"
    if grep -qE 'Socket errors|Non-2xx' "$work/wrk"; then fail "some requests have failed"; fi
    grep -q 'Requests/sec' "$work/wrk" || fail "it measured nothing"
    ;;
esac

# The server is still well.
kill -0 "$child" || fail "the server has gone"
case $peer in
  curl | wrk)  # a shell's background programs ignore SIGINT
    kill "$child"
    wait "$child" || :
    ;;
  *)
    exec 9>&-
    wait "$child" || fail "the server ended with $?"
    ;;
esac
child=
