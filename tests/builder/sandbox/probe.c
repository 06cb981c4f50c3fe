/* A program for inside a step: does one thing that the sandbox has an opinion about and prints what
   came of it ("ok" or the name of the errno). Linked statically: the root has no libraries. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int say(long result) {
  puts(result >= 0 ? "ok" : strerrorname_np(errno));
  return 0;
}

/* A shell as pid 2 may not leave a core or ignore the signal: the default action must happen. */
static int die_by(int number) {
  signal(number, SIG_DFL);
  raise(number);
  return 9;
}

static int fork_many(int count) {
  int made = 0;
  for (int index = 0; index < count; ++index) {
    pid_t child = fork();
    if (child == 0) {
      pause();
      _exit(0);
    }
    made += child > 0;
  }
  printf("%d\n", made);
  return 0;
}

/* The numbers of all open descriptors. */
static int show_descriptors(void) {
  for (int number = 0; number < 1024; ++number) {
    if (fcntl(number, F_GETFD) >= 0) {
      printf("%d ", number);
    }
  }
  puts("");
  return 0;
}

static int eat(long mebibytes) {
  for (long index = 0; index < mebibytes; ++index) {
    char *piece = malloc(1 << 20);
    if (piece == NULL) {
      return 8;
    }
    memset(piece, (int)index, 1 << 20);
  }
  puts("ate");
  return 0;
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  const char *what = argc > 1 ? argv[1] : "";
  const char *argument = argc > 2 ? argv[2] : "";
  if (strcmp(what, "syscall") == 0) {
    return say(syscall(atol(argument), 0, 0, 0, 0, 0, 0));
  }
  if (strcmp(what, "open") == 0) {
    return say(open(argument, argc > 3 && strcmp(argv[3], "write") == 0 ? O_WRONLY : O_RDONLY));
  }
  if (strcmp(what, "unshare-user") == 0) {
    return say(unshare(CLONE_NEWUSER));
  }
  if (strcmp(what, "clone-user") == 0) {
    return say(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
  }
  if (strcmp(what, "ptrace") == 0) {
    return say(ptrace(PTRACE_SEIZE, atoi(argument), 0, 0));
  }
  if (strcmp(what, "vsock") == 0) {
    return say(socket(AF_VSOCK, SOCK_STREAM, 0));
  }
  if (strcmp(what, "raise") == 0) {
    return die_by(atoi(argument));
  }
  if (strcmp(what, "fork") == 0) {
    return fork_many(atoi(argument));
  }
  if (strcmp(what, "descriptors") == 0) {
    return show_descriptors();
  }
  if (strcmp(what, "eat") == 0) {
    return eat(atol(argument));
  }
  return 3;
}
