#!/usr/bin/env bash
# Unknown verbs and flags: the nearest one is named, the exit status is 2.
. "$(dirname "$0")/lib.bash"
fails 2 'build' slipway biuld .
fails 2 '--build-arg' slipway build --build-ag A=1 .
fails 2 '--no-such-flag' slipway images --no-such-flag
fails 2 '--root' slipway --rot x images
fails 2 'build' slipway build
fails 2 'build' slipway build one two
fails 2 '--pull' slipway build --pull=sometimes .
fails 2 '--progress' slipway build --progress=loud .
fails 2 '--build-arg' slipway build --build-arg
fails 2 'tag' slipway tag only-one
fails 2 'rmi' slipway rmi
fails 2 'UPPER' slipway build -t UPPER .
fails 2 '--output' slipway build --output dest=x,colour=blue .
ok slipway build --help
expect_in "$out" '--build-arg'
expect_eq "$err" ""
