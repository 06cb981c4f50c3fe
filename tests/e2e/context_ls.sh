#!/usr/bin/env bash
# slipway context ls: what would be sent, and the rule that decides.
. "$(dirname "$0")/lib.bash"
file c/.dockerignore <<'END'
# objects
*.o
build
!build/keep
END
echo 12345 | file c/a.c
for name in a.o build/keep build/drop sub/b.c; do echo x | file "c/$name"; done
ln -s a.c c/link
ok slipway context ls c
expect_eq "$out" "     32B  .dockerignore
      6B  a.c
       -  build/
      2B  build/keep
       -  link
       -  sub/
      2B  sub/b.c
5 files, 42B"
why() {
  ok slipway context ls --why "$1" c
  printf '%s\n' "$out"
}
expect_eq "$(why a.c)" 'a.c: sent: no rule hides it'
expect_eq "$(why ./sub/../a.o)" './sub/../a.o: hidden: .dockerignore:2 ("*.o")'
expect_eq "$(why build)" 'build: hidden: .dockerignore:3 ("build"), but something in it is brought back'
expect_eq "$(why build/drop)" 'build/drop: hidden: .dockerignore:3 ("build")'
expect_eq "$(why build/keep)" 'build/keep: sent: .dockerignore:4 ("!build/keep") brings it back'
expect_eq "$(why gone)" 'gone: not there'
# What is listed is what a build gets.
file all/Dockerfile <<<$'FROM scratch\nCOPY . /'
build -o result -f all/Dockerfile c
expect_eq "$(cd result && find . -mindepth 1 ! -type d | sort)" "./.dockerignore
./a.c
./build/keep
./link
./sub/b.c"
# A Dockerfile with an ignore file of its own.
file c/df.dockerignore <<<'sub'
file c/df <<<'FROM scratch'
ok slipway context ls -f c/df --why sub/b.c c
expect_eq "$out" 'sub/b.c: hidden: c/df.dockerignore:1 ("sub")'
fails 2 'unknown command: context rm' slipway context rm c
fails 1 'none' slipway context ls none
