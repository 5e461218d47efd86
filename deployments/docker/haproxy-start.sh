#!/bin/sh
# Becomes HAProxy. Where no certificate was given, it makes one for the names of PUBLIC_ORIGINS, which nobody trusts yet.
set -eu
file=/certificates/sotto.pem
if [ ! -e "$file" ]; then
  names=DNS:localhost,IP:127.0.0.1
  for origin in $(echo "${PUBLIC_ORIGINS:-}" | tr ',' ' '); do
    name=${origin#*://}
    case $name in
      \[*) name=${name%%\]*} && name=${name#\[} ;;
      *) name=${name%%:*} ;;
    esac
    case $name in
      localhost | 127.0.0.1) ;;
      *:*) names=$names,IP:$name ;;
      *[!0-9.]*) names=$names,DNS:$name ;;
      *) names=$names,IP:$name ;;
    esac
  done
  umask 077
  if ! said=$(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 825 -subj /CN=sotto \
    -addext "subjectAltName=$names" -keyout /certificates/next.key -out /certificates/sotto.crt 2>&1); then
    echo "cannot make a certificate for $names: $said" >&2
    exit 1
  fi
  cat /certificates/sotto.crt /certificates/next.key > /certificates/next.pem
  mv /certificates/next.pem "$file"
  rm /certificates/next.key
  echo "made a certificate of our own for $names: put yours into $file"
fi
exec haproxy -W -db -f /etc/haproxy/haproxy.cfg
