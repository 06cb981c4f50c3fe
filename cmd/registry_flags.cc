#include "cmd/registry_flags.h"

#include <chrono>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "cmd/password.h"
#include "parser/durations.h"
#include "registry/oci/manifest.h"
#include "registry/pull.h"

namespace slipway::cmd {

namespace {

using base::cat;
using base::ErrorKind;
using base::fail;

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr int kRetriesMax = 100;

registry::TlsVerify verify_of(const std::string& text) {
  if (text.empty()) {
    return registry::TlsVerify::kUnlessListed;
  }
  if (text == "true" || text == "1") {
    return registry::TlsVerify::kAlways;
  }
  if (text == "false" || text == "0") {
    return registry::TlsVerify::kNever;
  }
  fail(ErrorKind::kUsage, cat("--tls-verify ", base::quote(text), " is unknown"),
       "it is true or false");
}

int milliseconds_of(std::string_view flag, const std::string& text) {
  auto nanoseconds = parser::parse_duration(text);
  if (!nanoseconds || *nanoseconds < kNsPerMs ||
      *nanoseconds / kNsPerMs > std::numeric_limits<int>::max()) {
    fail(ErrorKind::kUsage, cat(flag, " ", base::quote(text), " is no time"),
         "a time is written as 30s, 500ms or 2m");
  }
  return static_cast<int>(*nanoseconds / kNsPerMs);
}

}  // namespace

registry::Credential parse_credential(const std::string& text, std::string_view flag) {
  auto pair = base::split_once(text, ':');
  std::string name(pair ? pair->before : std::string_view(text));
  // The text itself may be a password: no message shows it.
  if (name.empty() || (!pair && !can_ask())) {
    fail(ErrorKind::kUsage, cat(flag, " is not USER:PASSWORD"));
  }
  std::string password(pair ? std::string(pair->after) : ask_unseen("Password: "));
  return {.username = std::move(name), .password = registry::Secret(std::move(password))};
}

ForeignPolicy parse_foreign_layers(const std::string& text) {
  if (text.empty() || text == "keep") {
    return ForeignPolicy::kKeep;
  }
  if (text == "upload") {
    return ForeignPolicy::kUpload;
  }
  if (text == "refuse") {
    return ForeignPolicy::kRefuse;
  }
  fail(ErrorKind::kUsage, cat("--foreign-layers ", base::quote(text), " is unknown"),
       "it is keep, upload or refuse");
}

void check_foreign_layers(ForeignPolicy policy, std::span<const registry::ExportImage> images) {
  if (policy != ForeignPolicy::kRefuse) {
    return;
  }
  for (const registry::ExportImage& image : images) {
    registry::refuse_foreign_layers(
        registry::parse_manifest(image.manifest.bytes, image.manifest.media_type, "the image"),
        "the image");
  }
}

registry::ForeignLayers foreign_layers_of(ForeignPolicy policy) {
  return policy == ForeignPolicy::kUpload ? registry::ForeignLayers::kUpload
                                          : registry::ForeignLayers::kKeep;
}

void RegistryFlags::add_to(Flags& flags) {
  flags.text("--creds", credential_, "USER[:PASSWORD] instead of what login has stored");
  flags.text("--authfile", auth_file_, "The only file to look for credentials in");
  flags.text("--cert-dir", certificate_directory_,
             "Folder with authorities (*.crt) and a certificate of ours (NAME.cert, NAME.key)");
  flags.text_or("--tls-verify", verify_, "true",
                "true: only TLS with verified certificates, also on this machine; false: neither");
  flags.texts("--insecure-registry", insecure_,
              "Host without TLS, or with a certificate that can't be verified");
  flags.text("--registry-timeout", timeout_,
             "How long a registry may be silent, as 30s (default 60s)");
  flags.text("--retry-times", retries_, "How often what may pass is tried again (default 4)");
  flags.text("--retry-delay", retry_delay_,
             "Wait before the second try, doubled for each further one (default 1s)");
}

RegistryAccess RegistryFlags::access() const {
  RegistryAccess access{.insecure = insecure_,
                        .tls_verify = verify_of(verify_),
                        .credentials = {},
                        .auth_file = auth_file_,
                        .certificate_directory = certificate_directory_,
                        .idle_timeout_ms = std::nullopt,
                        .retry = {}};
  if (!timeout_.empty()) {
    access.idle_timeout_ms = milliseconds_of("--registry-timeout", timeout_);
  }
  if (!retries_.empty()) {
    auto count = base::parse_integer<int>(retries_);
    if (!count || *count < 0 || *count > kRetriesMax) {
      fail(ErrorKind::kUsage,
           cat("--retry-times ", base::quote(retries_), " is no number from 0 to ", kRetriesMax));
    }
    access.retry.attempts_max = *count + 1;
  }
  if (!retry_delay_.empty()) {
    access.retry.first_wait_ms = milliseconds_of("--retry-delay", retry_delay_);
  }
  return access;
}

RegistryAccess RegistryFlags::access(const std::string& domain) const {
  RegistryAccess with_credential = access();
  if (has_credential()) {
    with_credential.credentials.emplace(domain, credential());
  }
  return with_credential;
}

registry::Credential RegistryFlags::credential() const {
  return parse_credential(credential_, "--creds");
}

}  // namespace slipway::cmd
