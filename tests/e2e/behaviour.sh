#!/usr/bin/env bash
# as: root rootless
# kinds: corpus
# seconds: 1500
# The end-to-end cases of the reference harness: what must come out of them.
. "$(dirname "$0")/lib.bash"
harness
