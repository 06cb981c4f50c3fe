#!/usr/bin/env bash
# Contexts that come over the net: git repositories, archives, single Dockerfiles.
. "$(dirname "$0")/lib.bash"
command -v git >/dev/null || skip "git is not installed"
start_web

# built ARGUMENT...: builds, and gives a file of the result that every case has.
built() {
  rm -rf result
  build -o result "$@"
  cat result/word
}

# --- git: the default branch, a tag, a folder of it, a commit, a submodule
mkdir lib repo
in_repository . init -q -b main lib
echo 'from lib' | file lib/inner
in_repository lib add -A
in_repository lib commit -q -m lib
publish lib lib
in_repository . init -q -b main repo
file repo/Dockerfile <<'END'
FROM scratch
COPY word /
END
echo one | file repo/word
echo '*' | file repo/.dockerignore
in_repository repo add -A
in_repository repo commit -q -m one
in_repository repo tag v1
first=$(in_repository repo rev-parse HEAD)
mkdir repo/sub
file repo/sub/other.dockerfile <<'END'
FROM scratch
COPY . /
END
echo two | file repo/sub/word
echo 'two above' | file repo/word
in_repository repo submodule --quiet add "http://$WEB/git/lib.git" sub/lib
in_repository repo add -A
in_repository repo commit -q -m two
publish repo repo

# No ignore file is applied to what is fetched.
expect_eq "$(built "http://$WEB/git/repo.git")" 'two above'
expect_eq "$(built "http://$WEB/git/repo.git#v1")" one
expect_eq "$(built "http://$WEB/git/repo.git#$first")" one
expect_eq "$(built "http://$WEB/git/repo.git?tag=v1")" one
expect_eq "$(built -f other.dockerfile "http://$WEB/git/repo.git#main:sub")" two
built -f other.dockerfile "http://$WEB/git/repo.git?branch=main&subdir=sub" >/dev/null
expect_eq "$(cat result/lib/inner)" 'from lib'
expect_no_file result/.git
expect_no_file result/lib/.git
printf 'FROM scratch\nCOPY sub/word /\n' | slipway build -q -f - -o result "http://$WEB/git/repo.git"
expect_eq "$(cat result/word)" two

build --build-arg BUILDKIT_CONTEXT_KEEP_GIT_DIR=1 -f sub/other.dockerfile -o kept "http://$WEB/git/repo.git"
expect_eq "$(git -C kept -c safe.directory='*' log --format=%s)" two
fails 1 'does not contain ref nowhere' slipway build -o result "http://$WEB/git/repo.git#nowhere"
fails 1 'no directory "none" in' slipway build -o result "http://$WEB/git/repo.git#v1:none"
fails 1 'open missing.dockerfile' slipway build -f missing.dockerfile -o result "http://$WEB/git/repo.git#v1"
fails 1 'failed to fetch remote' slipway build -o result "http://$WEB/git/absent.git"

# --- the time of the commit
build --build-arg SOURCE_DATE_EPOCH=context -o type=image,name=dated "http://$WEB/git/repo.git#v1"
expect_json "$(slipway inspect dated)" '.[0].Created' '2026-01-02T03:04:05Z'

# --- a repository that asks who is there: for all hosts, or for this one
printf 'basic %s\n' "$(printf 'x-access-token:geheim' | base64)" >"$WEB_FOLDER/authorization"
fails 1 'failed to fetch remote' slipway build -o result "http://$WEB/private/git/repo.git#v1"
expect_eq "$(TOKEN=geheim built --secret id=GIT_AUTH_TOKEN,env=TOKEN "http://$WEB/private/git/repo.git#v1")" one
expect_eq "$(TOKEN=geheim built --secret "id=GIT_AUTH_TOKEN.$WEB,env=TOKEN" "http://$WEB/private/git/repo.git#v1")" one
echo 'Bearer pass' >"$WEB_FOLDER/authorization"
expect_eq "$(TOKEN='Bearer pass' built --secret id=GIT_AUTH_HEADER,env=TOKEN "http://$WEB/private/git/repo.git#v1")" one

# --- archives, however compressed, and a Dockerfile alone
in_repository repo archive -o "$WEB_FOLDER/files/c.tar" v1
for program in gzip bzip2 xz zstd; do
  $program -k -c "$WEB_FOLDER/files/c.tar" >"$WEB_FOLDER/files/c.$program"
  expect_eq "$(built "http://$WEB/files/c.$program")" one
done
expect_eq "$(built "http://$WEB/files/c.tar")" one
printf 'FROM scratch\nCOPY context /word\n' | file "$WEB_FOLDER/files/df"
expect_eq "$(built "http://$WEB/files/df")" "$(cat "$WEB_FOLDER/files/df")"
fails 1 'invalid response status 404' slipway build -o result "http://$WEB/files/absent"

# --- as further contexts
file df/Dockerfile <<'END'
FROM scratch
COPY --from=repo word /
COPY --from=page context /page
END
expect_eq "$(built --build-context repo="http://$WEB/git/repo.git#v1" --build-context page="http://$WEB/files/df" df)" one
expect_eq "$(cat result/page)" "$(cat "$WEB_FOLDER/files/df")"
stop_web
