#include "builder/devices/device_registry.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"
#include "parser/suggest.h"

namespace slipway::builder {

namespace {

using base::cat;

constexpr std::size_t kFileBytesMax = std::size_t{4} << 20;
constexpr std::size_t kNamesToldMax = 20;
constexpr const char* kClassAnnotation = "org.mobyproject.buildkit.device.class";
constexpr const char* kAllowAnnotation = "org.mobyproject.buildkit.device.autoallow";

std::optional<CdiFormat> format_of(std::string_view name) {
  if (name.ends_with(".json")) {
    return CdiFormat::kJson;
  }
  if (name.ends_with(".yaml")) {
    return CdiFormat::kYaml;
  }
  return std::nullopt;
}

bool is_true(std::string_view text) {
  constexpr std::string_view kTrue[] = {"1", "t", "T", "true", "True", "TRUE"};
  return std::ranges::find(kTrue, text) != std::end(kTrue);
}

std::string listed(const std::vector<std::string>& names) {
  if (names.empty()) {
    return "none";
  }
  std::vector<std::string> told(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                                   names.size(), kNamesToldMax)));
  return cat(base::join(told, ", "),
             names.size() > told.size() ? cat(" and ", names.size() - told.size(), " more") : "");
}

void add_once(std::vector<std::string>& names, const std::vector<std::string>& more) {
  for (const std::string& name : more) {
    if (std::ranges::find(names, name) == names.end()) {
      names.push_back(name);
    }
  }
}

}  // namespace

std::vector<std::string> default_cdi_folders() {
  return {"/etc/cdi", "/var/run/cdi"};
}

DeviceRegistry::DeviceRegistry(std::vector<std::string> folders) : folders_(std::move(folders)) {
  for (std::size_t folder = 0; folder < folders_.size(); ++folder) {
    read_folder(folder);
  }
}

void DeviceRegistry::read_folder(std::size_t folder) {
  base::Fd directory(::open(folders_[folder].c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) {
    return;
  }
  std::vector<std::string> names;
  for (const base::DirectoryEntry& entry : base::list_directory(directory)) {
    if (format_of(entry.name)) {
      names.push_back(entry.name);
    }
  }
  std::ranges::sort(names);
  for (const std::string& name : names) {
    read_file(folder, cat(folders_[folder], "/", name));
  }
}

// The boundary between files: one that is wrong must not take the others along.
void DeviceRegistry::read_file(std::size_t folder, const std::string& path) {
  try {
    std::optional<std::string> text = base::find_file_content(path, kFileBytesMax);
    if (text) {
      add(folder, path, parse_cdi_spec(*text, *format_of(path), path));
    }
  } catch (const base::Error& error) {
    problems_.push_back(error.message());
  }
}

void DeviceRegistry::add(std::size_t folder, const std::string& path, CdiSpec spec) {
  for (std::size_t index = 0; index < spec.devices.size(); ++index) {
    std::string name = cat(spec.kind, "=", spec.devices[index].name);
    Found found{specs_.size(), index, folder, path};
    auto known = devices_.find(name);
    if (known != devices_.end() && known->second.folder == folder) {
      problems_.push_back(cat(name, ": ", path, " describes it, and so does ",
                              known->second.file.empty() ? "another" : known->second.file));
      known->second.file.clear();
      continue;
    }
    devices_.insert_or_assign(name, std::move(found));
  }
  specs_.push_back(std::move(spec));
}

std::vector<std::string> DeviceRegistry::names() const {
  std::vector<std::string> names;
  for (const auto& [name, found] : devices_) {
    if (!found.file.empty()) {
      names.push_back(name);
    }
  }
  return names;
}

std::string DeviceRegistry::annotation(const Found& found, const std::string& name) const {
  const CdiSpec& spec = specs_[found.spec];
  const CdiDevice& device = spec.devices[found.device];
  for (const auto* annotations : {&device.annotations, &spec.annotations}) {
    if (auto value = annotations->find(name); value != annotations->end()) {
      return value->second;
    }
  }
  return {};
}

std::vector<std::string> DeviceRegistry::matches(const std::string& request) const {
  auto pair = base::split_once(request, '=');
  std::string kind(pair ? pair->before : std::string_view(request));
  std::string wanted(pair ? pair->after : std::string_view());
  if (!is_cdi_kind(kind)) {
    base::fail(base::ErrorKind::kInput, cat("invalid device ", base::quote(request)),
               "give it as vendor.com/class=name");
  }
  std::vector<std::string> of_kind;
  std::vector<std::string> of_class;
  for (const std::string& name : names()) {
    if (name.starts_with(cat(kind, "="))) {
      of_kind.push_back(name);
      if (annotation(devices_.at(name), kClassAnnotation) == wanted) {
        of_class.push_back(name);
      }
    }
  }
  if (wanted == "*") {
    return of_kind;
  }
  if (wanted.empty()) {
    of_kind.resize(std::min<std::size_t>(of_kind.size(), 1));
    return of_kind;
  }
  if (std::ranges::find(of_kind, request) != of_kind.end()) {
    return {request};
  }
  return of_class;
}

void DeviceRegistry::fail_missing(const std::string& name) const {
  std::vector<std::string> known = names();
  base::Error error(base::ErrorKind::kNotFound,
                    cat("required device ", base::quote(name), " is not registered",
                        parser::did_you_mean(name, known)));
  error.add_note(cat("looking for it in the .json and .yaml files of ",
                     base::join(folders_, " and "), "; devices there: ", listed(known)));
  for (const std::string& problem : problems_) {
    error.add_note(cat("left out: ", problem));
  }
  throw std::move(error).with_hint(
      "describe it in such a file, choose other folders with --cdi-spec-dir, or let the step do "
      "without by leaving out \"required\"");
}

DeviceRegistry::Chosen DeviceRegistry::choose(const std::vector<DeviceRequest>& requests) const {
  Chosen chosen;
  for (const DeviceRequest& request : requests) {
    std::vector<std::string> found = matches(request.name);
    if (found.empty() && request.is_required) {
      fail_missing(request.name);
    }
    if (found.empty()) {
      chosen.missing.push_back(request.name);
    }
    add_once(chosen.names, found);
  }
  return chosen;
}

DeviceRegistry::Chosen DeviceRegistry::choose_allowed(const std::vector<DeviceRequest>& requests,
                                                      const DeviceAllowance& allowance) const {
  std::vector<DeviceRequest> wanted = requests;
  std::set<std::string> granted;
  for (DeviceRequest& request : wanted) {
    auto alias = allowance.names.find(request.name);
    if (alias != allowance.names.end() && !alias->second.empty()) {
      request.name = alias->second;
    }
  }
  for (const auto& [name, behind] : allowance.names) {
    for (const std::string& device : matches(behind.empty() ? name : behind)) {
      granted.insert(device);
    }
  }
  Chosen chosen = choose(wanted);
  std::vector<std::string> forbidden;
  std::ranges::copy_if(chosen.names, std::back_inserter(forbidden), [&](const std::string& name) {
    return !allowance.all && !granted.contains(name) &&
           !is_true(annotation(devices_.at(name), kAllowAnnotation));
  });
  if (!forbidden.empty()) {
    base::fail(
        base::ErrorKind::kInput,
        cat(forbidden.size() == 1 ? "device " : "devices ", base::join(forbidden, ", "),
            forbidden.size() == 1 ? " is" : " are", " requested by the build but not allowed"),
        cat("allow it for this build with --allow device=", forbidden.front(),
            ", or all with --allow device"));
  }
  return chosen;
}

std::vector<const ContainerEdits*> DeviceRegistry::edits_of(
    const std::vector<std::string>& names) const {
  std::vector<const ContainerEdits*> edits;
  std::set<std::size_t> told;
  for (const std::string& name : names) {
    const Found& found = devices_.at(name);
    if (told.insert(found.spec).second) {
      edits.push_back(&specs_[found.spec].edits);
    }
    edits.push_back(&specs_[found.spec].devices[found.device].edits);
  }
  return edits;
}

}  // namespace slipway::builder
