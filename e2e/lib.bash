# What the end-to-end tests share: a working directory, processes that end with
# the test, and questions to Prometheus. To be sourced, with "set -euo pipefail".
#
# shellcheck shell=bash disable=SC2317,SC2034 # conditions are functions that are called by their names

export LC_ALL=C
work=$(mktemp -d)
pids=()
leaders=()
reason=

say() { printf '%s\n' "$*"; }

fail() {
  reason=$*
  exit 1
}

# finish ends what was started here and, after a failure, shows the logs.
finish() {
  local status=$? log leader
  trap - EXIT
  for leader in "${leaders[@]}"; do
    kill -- "-$leader" 2>/dev/null || true
  done
  if ((${#pids[@]} > 0)); then
    kill "${pids[@]}" 2>/dev/null || true
    wait "${pids[@]}" 2>/dev/null || true
  fi
  if ((status != 0)); then
    for log in "$work"/*.log; do
      if [[ -s $log ]]; then
        say "---- the end of ${log##*/}:"
        tail -n 10 "$log"
      fi
    done
    say "FAILED: ${reason:-a command, see above}" >&2
  fi
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT

# start NAME COMMAND...: in the background; output in NAME.out, errors in NAME.log.
start() {
  local name=$1
  shift
  : >"$work/$name.log" >"$work/$name.out" # there from now on, for those who look into them
  "$@" >"$work/$name.out" 2>"$work/$name.log" </dev/null &
  pids+=($!)
  echo $! >"$work/$name.pid"
}

# start_group NAME COMMAND...: the same, for a command that starts others, which do
# not end with it: all of them are one group of processes.
start_group() {
  start "$1" setsid "${@:2}"
  leaders+=("$(pid "$1")")
}

pid() { cat "$work/$1.pid"; }

gone() { ! kill -0 "$1" 2>/dev/null; }

# eventually SECONDS WHAT CONDITION...: polls until the condition holds.
eventually() {
  local until=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null; do
    if ((SECONDS >= until)); then
      fail "$what: not within its time"
    fi
    sleep 0.2
  done
  say "ok: $what"
}

get() { curl --silent --show-error --fail --max-time 10 --noproxy '*' "$@"; }

# address NAME: where the process says that it listens, once it does.
address() { sed -nE 's/.*msg="?Listening on"? (.* )?address=([^ ]+).*/\2/p' "$work/$1.log" | head -n 1; }

listens() { [[ -n $(address "$1") ]]; }

# value QUERY: what Prometheus answers to a query with one result; else nothing.
value() {
  get --get --data-urlencode "query=$1" "http://$prometheus/api/v1/query" 2>>"$work/queries.log" |
    jq -r 'select(.status == "success" and (.data.result | length) == 1) | .data.result[0].value[1]'
}

# holds QUERY: whether a query of the kind "a == bool b" has the answer 1.
holds() { [[ $(value "$1") == 1 ]]; }

# build puts the programs in place.
build() {
  go build -o "$work/glance_exporter" .
  go build -o "$work/simcloud" ./internal/simcloud/cmd/simcloud
  say 'ok: built'
}

# start_prometheus FILE: with a configuration; sets $prometheus to its address.
start_prometheus() {
  promtool check config "$1" || fail "promtool check config: $(<"$1")"
  start prometheus prometheus --config.file "$1" --storage.tsdb.path "$work/tsdb" --web.listen-address 127.0.0.1:0
  eventually 30 'Prometheus listens' listens prometheus
  prometheus=$(address prometheus)
}

# start_simcloud NAME OPTIONS...: a simulated cloud; url NAME gives its address.
start_simcloud() {
  local name=$1
  shift
  start "$name" "$work/simcloud" --listen 127.0.0.1:0 "$@"
  eventually 30 "the simulated cloud tells its address: $name" url "$name"
}

url() { grep -oEs -m 1 'https?://[^ ]+' "$work/$1.out"; }

# What the surroundings say about a cloud must not reach the exporter.
for name in $(compgen -e OS_ || true); do
  unset "$name"
done
