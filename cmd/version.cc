#include <sys/utsname.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cmd/flags.h"
#include "cmd/output/listing.h"
#include "cmd/output/template.h"
#include "cmd/report.h"
#include "cmd/verbs.h"
#include "registry/oci/platform.h"

namespace slipway::cmd {

int run_version(const Invocation& invocation) {
  std::string format;
  Flags flags("version", "[OPTIONS]", "Show the version of slipway and of what it runs on.");
  flags.text("-f,--format", format, "json, or a Go template: '{{.Version}}'");
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return 0;
  }
  utsname system{};
  ::uname(&system);
  std::string platform = registry::host_platform().text();
  if (format.empty()) {
    print_out(base::cat("slipway ", SLIPWAY_VERSION, "\nplatform ", platform, "\nkernel ",
                        system.release, "\n"));
    return 0;
  }
  nlohmann::ordered_json known = {
      {"Version", SLIPWAY_VERSION}, {"Platform", platform}, {"Kernel", system.release}};
  Template line(format == "json" ? "{{json .}}" : unescape_format(format));
  print_out(line.text_for(known) + "\n");
  return 0;
}

}  // namespace slipway::cmd
