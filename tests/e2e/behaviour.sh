#!/usr/bin/env bash
# as: root rootless
# kinds: corpus
# seconds: 1500
# The end-to-end cases of the reference harness: what must come out of them, and everything that BuildKit gave for them:
# trees, configs, history, numbers of layers.
. "$(dirname "$0")/lib.bash"
harness --exact "$SHARED/corpora/behaviour-control.json"
