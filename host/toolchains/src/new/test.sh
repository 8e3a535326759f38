#!/bin/sh
# Builds the site, serves it on a free port, and makes requests. `LITHE` names the program, `lithe` by default.
set -eu
cd "$(dirname "$0")"
lithe=${LITHE:-lithe}

"$lithe" build .
said=$(mktemp)
"$lithe" serve . --listen 127.0.0.1:0 > "$said" &
host=$!
# Waits, too, so that the shell does not say on its own that the host has ended.
trap '{ kill $host && wait $host; } 2>/dev/null || :; rm -f "$said"' EXIT
for _ in $(seq 3000); do
  grep -q listening "$said" && break
  # The host has said why.
  kill -0 $host 2>/dev/null || exit 1
  sleep 0.1
done
site=$(sed -n 's/^listening on //p' "$said")

# Runs a command, and fails unless its output has the word.
expect() {
  word=$1
  shift
  answer=$("$@" || true)
  case $answer in
    *"$word"*) echo "ok: $word" ;;
    *) echo "no \`$word\` in: $answer" >&2; exit 1 ;;
  esac
}

ask() { curl --silent --include --max-time 2 "$@" "$site/"; }
upgrade() {
  ask --http1.1 --header 'connection: upgrade' --header 'upgrade: websocket' \
    --header 'sec-websocket-version: 13' --header 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==' "$@"
}

{checks}
