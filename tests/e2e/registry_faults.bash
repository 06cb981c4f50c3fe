# shellcheck shell=bash
# What registry_faults_pull.sh and registry_faults_push.sh share: what registries answer, and the two that answer.
# Each has its own `arrives` (after a retry it goes well) and `refused STATUS TEXT` (it ends so, and goes well afterwards).
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"

words='OWN_WORDS: of the registry'

# answers MATCH STATUS [TIMES]: one fault
answers() { faults "{\"do\":\"answer\",\"match\":\"$1\",\"status\":$2,\"times\":${3-1},\"headers\":{\"Retry-After\":\"0\"},
  \"body\":\"{\\\"errors\\\":[{\\\"code\\\":\\\"OWN_WORDS\\\",\\\"message\\\":\\\"of the registry\\\"}]}\"}"; }

# passes_in_the_end MATCH: what may pass, does.
passes_in_the_end() {
  local code
  for code in $passing; do
    answers "$1" "$code"
    arrives
  done
}

# stays_refused MATCH: one error with the registry's words, and at once where another try can't help.
stays_refused() {
  answers "$1" "${passing##* }" 1000
  refused 4 "$words"
  answers "$1" 401 1000
  refused 3 "$words"
  answers "$1" 403
  refused 3 "$words"
  answers "$1" 404
  refused 1 "$words"
}

# never_answers MATCH: the connection breaks before the answer, once and every time.
never_answers() {
  faults "{\"do\":\"reset\",\"match\":\"$1\"}"
  arrives
  faults "{\"do\":\"reset\",\"match\":\"$1\",\"times\":1000}"
  refused 4 "$PROXY"
}

# at_both_registries COMMAND: Debian's behind the proxy, then ours; $passing are the statuses that may pass.
at_both_registries() {
  passing='429 500 502 503'
  start_registry
  start_proxy "$REGISTRY"
  "$@"
  passing='429 503'
  serve
  start_proxy "$REGISTRY"
  "$@"
}
