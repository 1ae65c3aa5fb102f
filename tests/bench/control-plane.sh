#!/bin/sh
# The control plane for targets that another harness starts (yardstick.toml): once, with the
# objects of config/ and the origin's certificate, until the harness has ended.
#   control-plane.sh FOLDER_OF_PROGRAMS SCRATCH_FOLDER HARNESS_PID
bin=$1 run=$2 harness=$3
here=$(cd "$(dirname "$0")" && pwd)
objects=$run/sidegate-config

(
  flock --nonblock 9 || exit 0
  rm -rf "$objects" && cp -r "$here/config" "$objects" || exit 1
  {
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: origin-ca, namespace: sidegate-system}\ndata:\n  ca.crt: |\n'
    sed 's/^/    /' "$run/sim.pem"
  } >"$objects/origin-ca.yaml"
  "$bin/sidegate-controller" --from-files "$objects" --listen 127.0.0.1:18178 --metrics-listen 127.0.0.1:18179 --live-listen 127.0.0.1:0 9>&- &
  controller=$!
  while kill -0 "$harness" 2>/dev/null; do sleep 1; done
  kill "$controller"
) 9>"$run/sidegate-control-plane.lock" &

# Targets are timed from their start: let the control plane be there first.
sleep 2
