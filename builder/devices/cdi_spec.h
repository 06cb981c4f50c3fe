#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The files in which vendors describe their devices: the Container Device Interface, versions 0.1
// to 1.1. A device has a qualified name, "vendor.com/class=name", where "vendor.com/class" is the
// kind of its file, and says which edits to a container give access to it.

namespace slipway::builder {

// What an edit adds. Paths of the host are absolute; those of the container are, too, and lead out
// of nothing.
struct CdiDeviceNode {
  std::string path;       // in the container
  std::string host_path;  // empty: the same
  std::string type;       // "b", "c", "u", "p"; empty: what the host's is
  std::optional<std::uint32_t> major_number;
  std::optional<std::uint32_t> minor_number;
  std::optional<std::uint32_t> file_mode;
  std::string permissions;  // of "rwm"; empty: all
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  friend bool operator==(const CdiDeviceNode&, const CdiDeviceNode&) = default;
};

struct CdiMount {
  std::string host_path;
  std::string container_path;
  std::string type;  // empty: "bind"
  std::vector<std::string> options;
  friend bool operator==(const CdiMount&, const CdiMount&) = default;
};

struct CdiHook {
  std::string name;  // "createRuntime", "createContainer", "startContainer", ...
  std::string path;
  std::vector<std::string> arguments;    // with argv[0]
  std::vector<std::string> environment;  // "NAME=value"
  std::optional<int> timeout_s;
  friend bool operator==(const CdiHook&, const CdiHook&) = default;
};

struct ContainerEdits {
  std::vector<std::string> environment;  // "NAME=value"
  std::vector<CdiDeviceNode> device_nodes;
  std::vector<CdiMount> mounts;
  std::vector<CdiHook> hooks;
  std::vector<std::uint32_t> additional_gids;
  // Edits that the file asks for and that nothing here can make, by their names: a device with
  // some can be listed, not used.
  std::vector<std::string> unsupported;
  friend bool operator==(const ContainerEdits&, const ContainerEdits&) = default;
};

struct CdiDevice {
  std::string name;
  std::map<std::string, std::string> annotations;
  ContainerEdits edits;
  friend bool operator==(const CdiDevice&, const CdiDevice&) = default;
};

struct CdiSpec {
  std::string kind;
  std::map<std::string, std::string> annotations;
  std::vector<CdiDevice> devices;
  ContainerEdits edits;  // for each container that has one of the devices
  friend bool operator==(const CdiSpec&, const CdiSpec&) = default;
};

enum class CdiFormat { kJson, kYaml };

// kInput, naming `what` (the file) and the place in it, for what is no such document: unknown
// members and versions, names and paths that can't be.
CdiSpec parse_cdi_spec(std::string_view text, CdiFormat format, std::string_view what);

// True for "vendor.com/class".
bool is_cdi_kind(std::string_view text);
// True for "vendor.com/class=name".
bool is_cdi_name(std::string_view text);

}  // namespace slipway::builder
