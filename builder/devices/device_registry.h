#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "builder/devices/cdi_spec.h"

namespace slipway::builder {

// Where machines have the files of their devices; what comes later overrides what comes earlier.
std::vector<std::string> default_cdi_folders();

// What a step asks for, as BuildKit reads it:
//   vendor.com/class=name   that device; where there is none, all of the kind whose annotation
//                           org.mobyproject.buildkit.device.class says that name
//   vendor.com/class=*      all of the kind
//   vendor.com/class        the first of the kind
struct DeviceRequest {
  std::string name;
  bool is_required = false;
  friend bool operator==(const DeviceRequest&, const DeviceRequest&) = default;
};

// --allow device[=NAME[,alias=ALIAS]].
struct DeviceAllowance {
  bool all = false;
  // Requests that are allowed; an alias is asked for in the place of the name behind it.
  std::map<std::string, std::string> names;
  friend bool operator==(const DeviceAllowance&, const DeviceAllowance&) = default;
};

// The devices of a machine: all .json and .yaml files right in some folders. A file that is no
// device file hides no other; why it was left out is told to whoever misses a device. Immutable.
class DeviceRegistry {
 public:
  // Folders that are not there have no devices. Later ones override earlier ones; two files of one
  // folder that describe the same device take it from each other.
  explicit DeviceRegistry(std::vector<std::string> folders);

  // Qualified names, sorted.
  std::vector<std::string> names() const;

  struct Chosen {
    std::vector<std::string> names;    // qualified, in the order of the requests, each once
    std::vector<std::string> missing;  // optional ones that there are not
  };
  // kInput for what is no name; kNotFound for a required device that there is not, naming the
  // folders and the devices that there are.
  Chosen choose(const std::vector<DeviceRequest>& requests) const;
  // The same for what is asked for and may not be allowed: kDenied then.
  Chosen choose_allowed(const std::vector<DeviceRequest>& requests,
                        const DeviceAllowance& allowance) const;

  // The edits of these devices, each preceded by those of its file. Precondition: from choose().
  std::vector<const ContainerEdits*> edits_of(const std::vector<std::string>& names) const;

 private:
  struct Found {
    std::size_t spec;
    std::size_t device;
    std::size_t folder;
    std::string file;
  };
  void read_folder(std::size_t folder);
  void read_file(std::size_t folder, const std::string& path);
  void add(std::size_t folder, const std::string& path, CdiSpec spec);
  std::vector<std::string> matches(const std::string& request) const;
  std::string annotation(const Found& found, const std::string& name) const;
  [[noreturn]] void fail_missing(const std::string& name) const;

  std::vector<std::string> folders_;
  std::vector<CdiSpec> specs_;
  std::map<std::string, Found> devices_;  // by qualified name
  std::vector<std::string> problems_;
};

}  // namespace slipway::builder
