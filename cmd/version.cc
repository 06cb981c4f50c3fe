#include <sys/utsname.h>

#include "base/text.h"
#include "cmd/flags.h"
#include "cmd/report.h"
#include "cmd/verbs.h"
#include "registry/oci/platform.h"

namespace slipway::cmd {

int run_version(const Invocation& invocation) {
  Flags flags("version", "", "Show the version of slipway and of what it runs on.");
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return 0;
  }
  utsname system{};
  ::uname(&system);
  print_out(base::cat("slipway ", SLIPWAY_VERSION, "\nplatform ", registry::host_platform().text(),
                      "\nkernel ", system.release, "\n"));
  return 0;
}

}  // namespace slipway::cmd
