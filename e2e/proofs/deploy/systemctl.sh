#!/bin/bash
# Stands in for systemd, which can't run in the private copy: starts a unit's command as its user, with its
# settings, on a read-only file system. The unit's other restrictions are not applied.
set -euo pipefail
unit=/etc/systemd/system/reconnect.service
of_unit() { sed -n "s/^$1=//p" "$unit"; }
case "$*" in
  daemon-reload) ;;
  "reload nginx") nginx -s reload 2>/dev/null || nginx ;;
  "enable --now reconnect")
    set -a
    . "$(of_unit EnvironmentFile)"
    eval "$(of_unit Environment)"
    set +a
    cd "$(of_unit WorkingDirectory)"
    # shellcheck disable=SC2046
    read-only "$(id -u "$(of_unit User)")" $(of_unit ExecStart) >/var/log/reconnect 2>&1 &
    echo $! >/run/reconnect.pid
    ;;
  "stop reconnect")
    kill "$(cat /run/reconnect.pid)"
    for _ in $(seq 100); do
      kill -0 "$(cat /run/reconnect.pid)" 2>/dev/null || exit 0
      sleep 0.1
    done
    echo "The server did not stop within ten seconds" >&2
    exit 1
    ;;
  *)
    echo "This stand-in does not support: systemctl $*" >&2
    exit 1
    ;;
esac
