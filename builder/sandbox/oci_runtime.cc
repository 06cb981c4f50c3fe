#include "builder/sandbox/oci_runtime.h"

#include <unistd.h>

#include <array>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;

std::optional<OciRuntime> find_in(std::string_view folders, std::string_view name) {
  for (std::string_view folder : base::split(folders, ':')) {
    std::string program = cat(folder, "/", name);
    if (folder.starts_with('/') && ::access(program.c_str(), X_OK) == 0) {
      return OciRuntime{std::move(program), std::nullopt, {}};
    }
  }
  return std::nullopt;
}

std::string how_to_have(std::string_view name) {
  if (name == "crun" || name == "runc") {
    return cat("install the package ", name);
  }
  return name == "runsc" ? "install runsc, which gVisor's site has"
                         : "give its path, or the name of a program in a folder of $PATH";
}

}  // namespace

OciRuntime find_oci_runtime(std::string_view name, std::string_view path) {
  if (name.starts_with('/')) {
    std::string program(name);
    if (::access(program.c_str(), X_OK) != 0) {
      base::fail(base::ErrorKind::kNotFound, cat("there is no OCI runtime at ", name));
    }
    return {std::move(program), std::nullopt, {}};
  }
  if (name.empty()) {
    for (std::string_view known : {"crun", "runc", "runsc"}) {
      if (std::optional<OciRuntime> found = find_in(path, known)) {
        return *std::move(found);
      }
    }
    base::fail(
        base::ErrorKind::kNotFound,
        "no OCI runtime is installed: neither crun nor runc nor runsc is in a folder of $PATH",
        how_to_have("crun"));
  }
  if (std::optional<OciRuntime> found = find_in(path, name)) {
    return *std::move(found);
  }
  base::fail(base::ErrorKind::kNotFound,
             cat("the OCI runtime ", base::quote(name), " is in no folder of $PATH"),
             how_to_have(name));
}

}  // namespace slipway::builder
