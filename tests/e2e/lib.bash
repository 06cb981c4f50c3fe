# shellcheck shell=bash
# What the scripts here share. run.py has set:
#   SLIPWAY  the binary           ROOT  a store of the script's own, not there yet
#   IMAGES   base images          WORK  an empty folder, the working directory
#   MODE     root, rootless or one-id     HOME, TMPDIR: empty folders
#   SANDBOX  own, chroot, or the OCI runtime that runs steps
#   SHARED   the folder with the reference harness, "" if there is none
set -euo pipefail

library=$(dirname "${BASH_SOURCE[0]}")
status=0 out='' err=''

# What build and run are told of it; of chroot the environment tells them.
runtime_flags=()
case $SANDBOX in
  own | chroot) ;;
  *) runtime_flags=(--runtime "$SANDBOX") ;;
esac

slipway() {
  case ${1-} in
    build | run)
      local behind=1 # --at STEP comes first
      case ${2-} in
        --at) behind=3 ;;
        --at=*) behind=2 ;;
      esac
      "$SLIPWAY" --root "$ROOT" "${@:1:behind}" ${runtime_flags[@]+"${runtime_flags[@]}"} "${@:behind+1}"
      ;;
    *) "$SLIPWAY" --root "$ROOT" "$@" ;;
  esac
}

fail() {
  printf 'FAILED %s line %s: %s\n' "$0" "${BASH_LINENO[$((${#BASH_LINENO[@]} - 2))]}" "$*" >&2
  printf -- '--- status %s, standard output:\n%s\n--- standard error:\n%s\n' "$status" "$out" "$err" >&2
  exit 1
}

# skip REASON: this machine can't show the behaviour.
skip() {
  printf 'skipped: %s\n' "$*"
  exit 77
}

# try COMMAND...: runs it, however it ends: $status, and what it wrote: $out and $err.
try() {
  status=0
  "$@" >"$WORK/.out" 2>"$WORK/.err" </dev/null || status=$?
  out=$(tr -d '\0' <"$WORK/.out") err=$(tr -d '\0' <"$WORK/.err")
}

# ok COMMAND...: it must succeed.
ok() {
  try "$@"
  [ "$status" = 0 ] || fail "exit status $status of: $*"
}

# fails STATUS TEXT COMMAND...: it must end with this status, say TEXT, and not blame itself.
fails() {
  local expected=$1 text=$2
  shift 2
  try "$@"
  [ "$status" = "$expected" ] || fail "exit status $status instead of $expected of: $*"
  expect_in "$err" "$text"
  expect_not_in "$err" 'ERROR: internal'
}

expect_eq() { [ "$1" = "$2" ] || fail "is '$1' instead of '$2'"; }
expect_ne() { [ "$1" != "$2" ] || fail "'$1' should have changed"; }
expect_in() { [[ $1 == *"$2"* ]] || fail "no '$2' in: $1"; }
expect_not_in() { [[ $1 != *"$2"* ]] || fail "there is '$2' in: $1"; }
expect_match() { [[ $1 =~ $2 ]] || fail "does not match '$2': $1"; }
expect_file() { [ -e "$1" ] || fail "no file $1"; }
expect_no_file() { [ ! -e "$1" ] || fail "there is a file $1"; }
expect_json() { expect_eq "$(jq -rc "$2" <<<"$1")" "$3"; }

# wait_until COMMAND...: until it succeeds, for half a minute.
wait_until() {
  local tries=600
  until "$@" >/dev/null 2>&1; do
    ((tries-- > 0)) || fail "never true: $*"
    sleep 0.05
  done
}

# A number of seconds that only this script sleeps for: others run beside it, the same as somebody else among them.
long=$((10000000 + $$))
expect_none_asleep() { expect_eq "$(pgrep -fc "sleep $long" || true)" 0; }

# file PATH [MODE]: the file gets standard input.
file() {
  mkdir -p "$(dirname "$1")"
  cat >"$1"
  chmod "${2-644}" "$1"
}

load_busybox() { ok slipway load -i "$IMAGES/busybox.tar"; }

# build ARGUMENT...: must succeed; the progress is in $err, one line per event.
build() { ok slipway build --progress plain "$@"; }

# step_numbers TEXT: the numbers of the steps of the last build whose names have TEXT, one per line.
step_numbers() { grep -E '^#[0-9]+ \[' <<<"$err" | grep -F -- "$1" | sed 's/^#\([0-9]*\).*/\1/' | sort -un; }

was_cached() {
  local number
  for number in $(step_numbers "$1"); do
    grep -q "^#$number CACHED" <<<"$err" && return 0
  done
  return 1
}
expect_cached() { was_cached "$1" || fail "not cached: $1"; }
expect_ran() {
  [ -n "$(step_numbers "$1")" ] || fail "did not show up: $1"
  ! was_cached "$1" || fail "was cached: $1"
}

image_id() { slipway inspect "$1" | jq -r '.[0].Id'; }
diff_ids() { slipway inspect "$1" | jq -r '.[0].RootFS.Layers[]'; }

# in_image IMAGE COMMAND...: what a shell command in the image prints.
in_image() {
  ok slipway run --rm "$1" sh -c "$2"
  printf '%s\n' "$out"
}

# verify_image IMAGE: every digest and size is right, every layer readable, config and layers agree.
verify_image() {
  ok slipway save -o "$TMPDIR/verify.tar" "$1"
  ok python3 "$library/verify_image.py" "$TMPDIR/verify.tar"
  rm "$TMPDIR/verify.tar"
}

# started PID: it ends with the script.
running=()
started() {
  running+=("$1")
  trap 'kill "${running[@]}" 2>/dev/null || true' EXIT
}

# start_registry [USER PASSWORD]: Debian's docker-registry on a free port: $REGISTRY; its requests are in $REGISTRY_LOG.
start_registry() {
  command -v docker-registry >/dev/null || skip "docker-registry is not installed"
  local folder=$WORK/.registry tries=5
  mkdir -p "$folder"
  REGISTRY_LOG=$folder/log
  while ((tries-- > 0)); do
    REGISTRY=127.0.0.1:$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    registry_settings "$folder" "$@" >"$folder/config.yml"
    docker-registry serve "$folder/config.yml" >>"$REGISTRY_LOG" 2>&1 </dev/null &
    registry_pid=$!
    started "$registry_pid"
    wait_until registry_decided
    kill -0 "$registry_pid" 2>/dev/null && return
  done
  fail "docker-registry does not start: $(tail -n 3 "$REGISTRY_LOG")"
}

# It answers, or has found the port taken and ended.
registry_decided() {
  ! kill -0 "$registry_pid" 2>/dev/null || (exec 3<>"/dev/tcp/${REGISTRY/://}")
}

# serve [FLAG...]: our own registry on a free port: $REGISTRY; its log is serve.err, its store $WORK/served.
serve() {
  rm -f "$WORK/serve.out"  # of the server before
  "$SLIPWAY" --root "$WORK/served" registry serve --addr 127.0.0.1:0 --log "$@" >"$WORK/serve.out" 2>"$WORK/serve.err" </dev/null &
  server_pid=$!
  started "$server_pid"
  wait_until grep -qs '://' "$WORK/serve.out"
  REGISTRY=127.0.0.1:$(grep -oE '[0-9]+$' "$WORK/serve.out")
}
stop_serving() {
  kill "$server_pid"
  wait "$server_pid" || true
}
# served [PATTERN]: the requests that it has answered, as: METHOD /path STATUS
served() { grep -E "${1-.}" "$WORK/serve.err" || true; }

registry_settings() {
  local folder=$1
  printf 'version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s/blobs}}\nhttp: {addr: "%s"}\n' "$folder" "$REGISTRY"
  if [ $# = 3 ]; then
    htpasswd -Bbc "$folder/htpasswd" "$2" "$3" 2>/dev/null
    printf 'auth: {htpasswd: {realm: tests, path: %s/htpasswd}}\n' "$folder"
  fi
}

stop_registry() {
  kill "$registry_pid"
  wait "$registry_pid" || true
}

# requests [PATTERN]: the requests that the registry has answered, as: METHOD /path STATUS
requests() {
  sed -n 's/^[0-9.]* - [^"]*"\([A-Z]*\) \([^ ]*\) [^"]*" \([0-9]*\) .*/\1 \2 \3/p' "$REGISTRY_LOG" | grep -E "${1-.}" || true
}
forget_requests() { : >"$REGISTRY_LOG"; }

# start_web: web.py on a free port: $WEB is its address, $WEB_FOLDER what it serves.
start_web() {
  WEB_FOLDER=$WORK/.web
  mkdir -p "$WEB_FOLDER/files" "$WEB_FOLDER/git"
  python3 "$library/web.py" "$WEB_FOLDER" >"$WEB_FOLDER/log" 2>&1 </dev/null &
  web_pid=$!
  started "$web_pid"
  wait_until test -e "$WEB_FOLDER/address"
  read -r WEB <"$WEB_FOLDER/address"
  export WEB
}

stop_web() {
  kill "$web_pid"
  wait "$web_pid" || true
}

# web_requests [PATTERN]: the requests so far, as: METHOD /path STATUS
web_requests() { grep -E "${1-.}" "$WEB_FOLDER/requests" || true; }

# start_proxy UPSTREAM: fault_proxy.py before a registry: $PROXY is its address, $PROXY_FOLDER has its requests.
start_proxy() {
  PROXY_FOLDER=$(mktemp -d "$WORK/.proxy-XXXX")
  python3 "$library/fault_proxy.py" "$PROXY_FOLDER" "$1" >"$PROXY_FOLDER/log" 2>&1 </dev/null &
  started $!
  wait_until test -e "$PROXY_FOLDER/address"
  read -r PROXY <"$PROXY_FOLDER/address"
  export PROXY
}
# faults FAULT...: what the last proxy does from now on, each an object in JSON; none: nothing. Forgets its requests.
faults() {
  local IFS=,
  : >"$PROXY_FOLDER/requests"
  printf '[%s]' "$*" >"$PROXY_FOLDER/faults.new"
  mv "$PROXY_FOLDER/faults.new" "$PROXY_FOLDER/faults"
}
# proxied [PATTERN]: the requests since then, as: METHOD /path STATUS
proxied() { grep -E "${1-.}" "$PROXY_FOLDER/requests" || true; }

# in_repository FOLDER ARGUMENT...: git, as somebody whose commits are the same every day.
in_repository() {
  local folder=$1
  shift
  GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.com GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.com \
    GIT_AUTHOR_DATE=2026-01-02T03:04:05Z GIT_COMMITTER_DATE=2026-01-02T03:04:05Z GIT_CONFIG_GLOBAL=/dev/null \
    git -C "$folder" -c protocol.file.allow=always "$@"
}

# publish FOLDER NAME: the repository in FOLDER, as http://$WEB/git/NAME.git.
publish() {
  rm -rf "$WEB_FOLDER/git/$2.git"
  in_repository . clone -q --bare "$1" "$WEB_FOLDER/git/$2.git"
  in_repository "$WEB_FOLDER/git/$2.git" config uploadpack.allowAnySHA1InWant true
}

# harness ARGUMENT...: the cases of the reference harness.
harness() {
  [ -n "$SHARED" ] || skip "NO HARNESS: ../shared/harness is not there, nor the one beside \$SLIPWAY_CORPORA"
  local without=()
  [ "$MODE" = root ] || without=(--without 'LinuxResources#0=a limit of memory needs a control group of the user'"'"'s own')
  python3 "$library/behaviour.py" "$SHARED/harness" "${without[@]}" --cli slipway --bin "$SLIPWAY" --root "$WORK/stores" --base-cache "$WORK/bases" --jobs 2 "$@"
}
