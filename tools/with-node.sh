#!/bin/sh
# Runs a command with the fetched Node 24 first on PATH where there is one; exec keeps its pid and signals.
here=$(cd "$(dirname "$0")" && pwd)
node "$here/fetch-node.mjs" || exit 1
for bin in "$here"/node/node_modules/node-*/bin; do
  [ -x "$bin/node" ] && PATH="$bin:$PATH" && export PATH
done
exec "$@"
