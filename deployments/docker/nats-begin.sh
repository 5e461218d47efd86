#!/bin/sh
# Runs one NATS server of a cluster: `sh nats-begin.sh CONFIG SECONDS`, where SECONDS is how long it waits before.
#
# A server (2.10) now and then begins so that the others never hear it: it knows no leader for as long as it runs, and the next
# one of the others that goes takes the majority with it. Such a one is begun again, which heals it.
set -u
config=$1
begin_after=$2
# A cluster that is whole has chosen its leader long before; one without a majority is no worse for this.
led_within=20
server=

stop() {
  trap '' TERM INT
  [ -n "$server" ] && kill -TERM "$server" 2>/dev/null
  wait "$server"
  exit $?
}
trap stop TERM INT

is_led() {
  wget -q -O - http://127.0.0.1:8222/jsz 2>/dev/null | grep -q '"leader":'
}

# 0 once it is led, or has ended by itself; 1 when it is neither in time.
watch() {
  looks=0
  while kill -0 "$server" 2>/dev/null; do
    is_led && return 0
    [ "$looks" -ge "$led_within" ] && return 1
    looks=$((looks + 1))
    sleep 1
  done
}

sleep "$begin_after" &
wait $!
attempt=1
while :; do
  nats-server --config "$config" &
  server=$!
  # Whoever has tried five times is without a majority, and waits for it.
  if watch || [ "$attempt" -ge 5 ]; then break; fi
  echo "nats-begin: led by nobody for $led_within s, once more" >&2
  kill -TERM "$server"
  wait "$server"
  attempt=$((attempt + 1))
done
wait "$server"
