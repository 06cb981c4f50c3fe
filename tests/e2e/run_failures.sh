#!/usr/bin/env bash
# `slipway run` says with 125, 126 and 127 that the command never ran, as docker does.
. "$(dirname "$0")/lib.bash"
load_busybox
fails 125 'no-such-image' slipway run --pull=never no-such-image
fails 127 'no-such-command' slipway run busybox no-such-command
fails 127 '/no/such/file' slipway run busybox /no/such/file
fails 126 '/etc/passwd' slipway run busybox /etc/passwd
fails 126 '/etc' slipway run busybox /etc
fails 125 'nobodyknows' slipway run -u nobodyknows busybox true
fails 125 '--no-such-flag' slipway run --no-such-flag busybox true
fails 125 'relative' slipway run -w relative busybox true
