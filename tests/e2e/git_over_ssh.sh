#!/usr/bin/env bash
# Repositories over ssh: both spellings, the agent that --ssh gives, and no question to anybody. An `ssh` of this script's
# own stands for the other machine: it notes how it was called and runs what the other machine would run.
. "$(dirname "$0")/lib.bash"
mkdir bin repository
cat >bin/ssh <<END
#!/bin/bash
printf '%s|' "\${SSH_AUTH_SOCK-none}" "\$@" >>"$WORK/calls"
echo >>"$WORK/calls"
case "\$*" in *refusing.test*) echo 'git@refusing.test: Permission denied (publickey).' >&2; exit 255 ;; esac
exec sh -c "\${@: -1}"
END
chmod +x bin/ssh
export PATH=$PWD/bin:$PATH
git -C repository init -q -b main .
echo from the repository | file repository/folder/name
git -C repository add . && git -C repository -c user.name=a -c user.email=a@b commit -qm one

for remote in "git@machine.test:$PWD/repository" "ssh://git@machine.test$PWD/repository"; do
  rm -f calls
  file Dockerfile <<END
FROM scratch
ADD $remote#main:folder /
END
  build --no-cache -o result .
  expect_eq "$(cat result/name)" 'from the repository'
  expect_in "$(cat calls)" "none|-o|BatchMode=yes|"
  expect_in "$(cat calls)" "git@machine.test|git-upload-pack"
done

# --- as the context, with an agent
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("agent")'
file repository/folder/Dockerfile <<'END'
FROM scratch
COPY name /
END
git -C repository add . && git -C repository -c user.name=a -c user.email=a@b commit -qm two
rm calls
build --ssh "default=$PWD/agent" -o result "ssh://git@machine.test$PWD/repository#main:folder"
expect_eq "$(cat result/name)" 'from the repository'
expect_in "$(cat calls)" "$PWD/agent|"

# --- refused: the words of ssh
fails 1 'Permission denied (publickey)' slipway build -o result "ssh://git@refusing.test$PWD/repository"
expect_in "$err" 'failed to fetch remote ssh://git@refusing.test'

# --- whoever sets a command of their own gets that
rm calls
GIT_SSH_COMMAND="ssh -o Mine=yes" build --no-cache -o result "ssh://git@machine.test$PWD/repository#main:folder"
expect_in "$(cat calls)" "|-o|Mine=yes|"
