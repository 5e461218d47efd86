#!/bin/sh
# Runs one NATS server of a cluster: `sh nats-begin.sh CONFIG SECONDS`, where SECONDS is how long it waits before.
#
# A server (2.10) now and then begins so that the others never hear it: it knows no leader for as long as it runs, and the next
# one of the others that goes takes the majority with it. Such a one is begun again, which heals it.
set -u
config=$1
begin_after=$2
# A cluster that is whole has chosen its leader long before; one without a majority is no worse for this. Each attempt waits twice
# as long as the one before, at most ten minutes: the others may be away, or there is much to load. Tests wait for less.
led_within=${LED_WITHIN_S:-20}
led_within_max=${LED_WITHIN_MAX_S:-600}
server=

stop() {
  trap '' TERM INT
  # It has not begun yet.
  [ -n "$server" ] || exit 143
  kill -TERM "$server" 2>/dev/null
  wait "$server"
  exit $?
}
trap stop TERM INT

# The shell hears of a stop only when this has ended.
is_led() {
  timeout 2 wget -q -O - http://127.0.0.1:8222/jsz 2>/dev/null | grep -q '"leader":'
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
while :; do
  nats-server --config "$config" &
  server=$!
  watch && break
  echo "nats-begin: led by nobody for $led_within s, once more" >&2
  kill -TERM "$server"
  wait "$server"
  led_within=$((led_within * 2))
  [ "$led_within" -le "$led_within_max" ] || led_within=$led_within_max
done
wait "$server"
