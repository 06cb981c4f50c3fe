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

/* Hard to catch: a process that lives on as its child, again and again, and leaves a byte in the
   file each time. */
static int hop(const char *file) {
  while (1) {
    int hops = open(file, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (hops < 0 || write(hops, "x", 1) != 1) {
      return 1;
    }
    close(hops);
    if (fork() > 0) {
      _exit(0);
    }
  }
}

/* Leaves a process behind that is stopped by its tracer. */
static int leave_traced(void) {
  int stopped[2];
  if (pipe(stopped) != 0) {
    return 1;
  }
  if (fork() == 0) {
    pid_t traced = fork();
    if (traced == 0) {
      ptrace(PTRACE_TRACEME, 0, 0, 0);
      raise(SIGSTOP);
      pause();
    }
    int status = 0;
    waitpid(traced, &status, 0);
    if (WIFSTOPPED(status) && write(stopped[1], "s", 1) == 1) {
      pause();
    }
    _exit(1);
  }
  close(stopped[1]);
  char byte = 0;
  return read(stopped[0], &byte, 1) == 1 ? 0 : 1;
}

static int run_as(int user, char **argv) {
  if (setresgid(user, user, user) != 0 || setresuid(user, user, user) != 0) {
    return 1;
  }
  execvp(argv[0], argv);
  return 1;
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
  if (strcmp(what, "hop") == 0) {
    return hop(argument);
  }
  if (strcmp(what, "leave-traced") == 0) {
    return leave_traced();
  }
  if (strcmp(what, "run-as") == 0 && argc > 3) {
    return run_as(atoi(argument), argv + 3);
  }
  if (strcmp(what, "descriptors") == 0) {
    return show_descriptors();
  }
  if (strcmp(what, "eat") == 0) {
    return eat(atol(argument));
  }
  return 3;
}
