#include "registry/http/tls_settings.h"

#include <fcntl.h>

#include <cerrno>
#include <optional>
#include <set>

#include "base/fs.h"
#include "base/text.h"

namespace slipway::registry {

namespace {

constexpr std::size_t kCertificateBytesMax = 4 * 1024 * 1024;
constexpr const char* kSystemBundle = "/etc/ssl/certs/ca-certificates.crt";

// The Hub's folder has its name in references, not the host's.
std::string folder_name(const Url& url) {
  return url.host == "registry-1.docker.io" ? "docker.io" : url.authority();
}

std::string read_pem(const std::string& path) {
  std::optional<std::string> text = base::find_file_content(path, kCertificateBytesMax);
  return text ? *text + "\n" : std::string();
}

std::optional<base::Fd> find_directory(const std::string& path) {
  int number = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (number >= 0) {
    return base::Fd(number);
  }
  if (errno == ENOENT || errno == ENOTDIR) {
    return std::nullopt;
  }
  throw base::system_error(errno, "open", path);
}

void take_folder(const base::Fd& directory, const std::string& folder, TlsSettings& settings) {
  std::set<std::string> certificates;
  std::set<std::string> keys;
  for (const base::DirectoryEntry& entry : base::list_directory(directory)) {
    std::string_view name = entry.name;
    if (name.ends_with(".crt")) {
      settings.ca_text += read_pem(base::cat(folder, "/", name));
    } else if (name.ends_with(".cert")) {
      certificates.emplace(name.substr(0, name.size() - 5));
    } else if (name.ends_with(".key")) {
      keys.emplace(name.substr(0, name.size() - 4));
    }
  }
  for (const std::string& name : certificates) {
    if (!keys.contains(name)) {
      base::fail(base::ErrorKind::kInput,
                 base::cat("certificate ", folder, "/", name, ".cert has no key beside it"),
                 base::cat("a CA's certificate ends in .crt; a client's needs ", name, ".key"));
    }
  }
  for (const std::string& name : keys) {
    if (!certificates.contains(name)) {
      base::fail(base::ErrorKind::kInput,
                 base::cat("key ", folder, "/", name, ".key has no ", name, ".cert beside it"));
    }
  }
  if (!certificates.empty() && settings.client_certificate.empty()) {
    settings.client_certificate = base::cat(folder, "/", *certificates.begin(), ".cert");
    settings.client_key = base::cat(folder, "/", *certificates.begin(), ".key");
  }
}

}  // namespace

TlsSettings find_tls_settings(const TransportOptions& options, const Url& url) {
  TlsSettings settings;
  settings.verify = !may_be_insecure(url, options.unverified_hosts, options.tls_verify);
  for (const std::string& root : options.certs_directories) {
    std::string folder = base::cat(root, "/", folder_name(url));
    if (std::optional<base::Fd> directory = find_directory(folder)) {
      take_folder(*directory, folder, settings);
    }
  }
  if (const std::string& folder = options.certs_directory_for_all; !folder.empty()) {
    std::optional<base::Fd> directory = find_directory(folder);
    if (!directory) {
      base::fail(base::ErrorKind::kNotFound, base::cat("no folder of certificates ", folder));
    }
    take_folder(*directory, folder, settings);
  }
  // CAs of a host come in addition to those that count everywhere.
  if (!settings.ca_text.empty()) {
    settings.verify = options.tls_verify != TlsVerify::kNever;
    settings.ca_text += read_pem(options.ca_file.empty() ? kSystemBundle : options.ca_file);
  }
  return settings;
}

}  // namespace slipway::registry
