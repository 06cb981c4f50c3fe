#pragma once

#include <sys/types.h>

#include "base/fd.h"

namespace slipway::builder {

class OwnerRecorder;

// Blocks every signal, so that the init can wait for them one by one; to be called before the
// command is started, or its end could be missed.
void block_all_signals();

// When the files that a step wrote are what they will be.
enum class FinalFiles {
  kWithLastProcess,
  kWithMounts,  // the end of a mount may write, or a daemon does
};

// pid 1 of a step from the moment the command runs: reaps what ends and forwards signals to the
// command (a namespace's pid 1 gets only those that it waits for). When the command has ended it
// kills whatever is left in the namespace, waits until that is gone, reports and exits. What does
// not end soon the report does not wait for; the kernel ends it when the init has exited.
//
// The init cannot be touched from inside: it is not dumpable, so ptrace and /proc/1/{mem,fd,exe}
// are closed to processes without CAP_SYS_PTRACE. Its only capability is CAP_KILL.
//
// With a recorder (null elsewhere) it also answers the step's calls of chown (one_id.h), for which
// it keeps the capabilities of a step, and the one to look into the step's memory.
[[noreturn]] void run_init(pid_t command, const base::Fd& report, OwnerRecorder* recorder,
                           FinalFiles final_files);

}  // namespace slipway::builder
