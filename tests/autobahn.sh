#!/usr/bin/env bash
# Runs the Autobahn test suite's fuzzing client against each kind of component, and prints a summary.
#
#   tests/autobahn.sh                   groups 1 to 7 and 10: about a minute
#   tests/autobahn.sh 9                 messages of up to 16 MiB: a minute or two
#   tests/autobahn.sh --release 12 13   permessage-deflate: half an hour, with an optimised host
#   tests/autobahn.sh --languages 1 2 3 4 5 6 7
#                                       JavaScript and Python instead, whose tools have to be there
#
# Needs Python 3 and, for the suite itself, Python 2.7 (`python2.7`, or one of pyenv's), and takes the suite
# from PyPI. All that it makes is below `target/autobahn`, a virtual environment among it; the reports for
# people are in `target/autobahn/reports/index.html`.
set -euo pipefail
cd "$(dirname "$0")/.."

profile=debug
agents=(hooks async session)
while [[ "${1:-}" == --* ]]; do
  case $1 in
    --release) profile=release ;;
    --languages) agents=(js py) ;;
    *) echo "\`$1\` is none of --release and --languages" >&2; exit 2 ;;
  esac
  shift
done
groups=("$@")
[ ${#groups[@]} -gt 0 ] || groups=(1 2 3 4 5 6 7 10)
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/autobahn"
work=$(cd "$target/autobahn" && pwd)

# Where Python 2.7 is, which Debian has no longer.
python2() {
  local version
  if python2.7 -c '' 2>/dev/null; then
    command -v python2.7
    return
  fi
  version=$(pyenv versions --bare 2>/dev/null | grep '^2\.7' | tail -n 1) || true
  if [ -z "$version" ]; then
    echo "the Autobahn suite needs Python 2.7, and there is none: \`pyenv install 2.7.18\` makes one" >&2
    return 1
  fi
  PYENV_VERSION=$version pyenv which python2.7
}

wstest=$work/venv/bin/wstest
if ! "$wstest" --help >/dev/null 2>&1; then
  python=$(python2)
  rm -rf "$work/tools" "$work/venv"
  python3 -m venv "$work/tools"
  # The last one that makes environments for Python 2.7.
  "$work/tools/bin/pip" install --quiet --disable-pip-version-check 'virtualenv==20.21.1'
  "$work/tools/bin/virtualenv" --quiet --python "$python" "$work/venv"
  "$work/venv/bin/pip" --no-python-version-warning install --quiet --disable-pip-version-check \
    autobahntestsuite==0.8.2
fi

# As the tests build it, so that nothing is built twice.
build=(cargo build --quiet --workspace --bin lithe-under-test)
[ $profile = debug ] || build+=(--release)
"${build[@]}"
lithe=$target/$profile/lithe-under-test

site=$work/site
mkdir -p "$site/routes"
rm -f "$site"/routes/*.wasm
if [ "${agents[0]}" = js ]; then
  "$lithe" build examples/languages
  for agent in "${agents[@]}"; do
    cp "examples/languages/routes/$agent/bench/echo.wasm" "$site/routes/$agent.wasm"
  done
else
  rustup target list --installed | grep -qx wasm32-wasip2 || rustup target add wasm32-wasip2
  guests=(example-bench-echo example-loop test-guests-hostile-async)
  cargo build --quiet --release --target wasm32-wasip2 --target-dir "$work/guests" "${guests[@]/#/--package=}"
  built=$work/guests/wasm32-wasip2/release
  cp "$built/example_bench_echo.wasm" "$site/routes/hooks.wasm"
  cp "$built/test_guests_hostile_async.wasm" "$site/routes/async.wasm"
  cp "$built/example_loop.wasm" "$site/routes/session.wasm"
fi
cat > "$site/lithe.toml" <<'TOML'
[limits]
message = "16 MiB"
outbound = "64 MiB"
memory = "256 MiB"
event_cpu = "10s"

[deflate]
enabled = true
window_bits = 15
TOML

LITHE_LOG=error "$lithe" serve "$site" \
  --listen 127.0.0.1:0 --cache "$work/cache" > "$work/ready" &
host=$!
trap 'kill $host 2>/dev/null; wait $host 2>/dev/null || true' EXIT
for _ in $(seq 300); do
  grep -q listening "$work/ready" && break
  kill -0 $host || { echo "the host did not start" >&2; exit 1; }
  sleep 0.1
done
address=$(sed -n 's|^listening on http://||p' "$work/ready")
[ -n "$address" ] || { echo "the host did not say that it listens" >&2; exit 1; }

rm -rf "$work/reports"
python3 - "$address" "$work" "${agents[*]}" "${groups[@]}" > "$work/spec.json" <<'PYTHON'
import json, sys
address, work, agents, *groups = sys.argv[1:]
agents = agents.split()
servers = [{"agent": agent, "url": f"ws://{address}/{agent}"} for agent in agents]
cases = [f"{group}.*" for group in groups]
print(json.dumps({"outdir": f"{work}/reports", "servers": servers, "cases": cases,
                  "exclude-cases": [], "exclude-agent-cases": {}}))
PYTHON
"$wstest" --mode fuzzingclient --spec "$work/spec.json" > "$work/log" 2>&1

python3 - "$work/reports/index.json" <<'PYTHON'
import collections, json, sys
passing = {"OK", "NON-STRICT", "INFORMATIONAL"}
failed = ran = 0
for agent, cases in json.load(open(sys.argv[1])).items():
    counts = collections.Counter(case["behavior"] for case in cases.values())
    print(f"{agent}: {len(cases)} cases:", ", ".join(f"{n} {name}" for name, n in counts.items()))
    ran += len(cases)
    for number, case in cases.items():
        bad = {case["behavior"], case["behaviorClose"]} - passing
        if bad:
            failed += 1
            print(f"  case {number}: {', '.join(sorted(bad))}")
sys.exit(1 if failed or not ran else 0)
PYTHON
