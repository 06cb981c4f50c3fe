#include "cmd/registry_flags.h"

#include "base/error.h"
#include "base/text.h"

namespace slipway::cmd {

namespace {

using base::cat;

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
  base::fail(base::ErrorKind::kUsage, cat("--tls-verify ", base::quote(text), " is unknown"),
             "it is true or false");
}

}  // namespace

void RegistryFlags::add_to(Flags& flags) {
  flags.text("--creds", credentials_, "USER:PASSWORD instead of what login has stored");
  flags.text_or("--tls-verify", verify_, "true",
                "true: only TLS with verified certificates, also on this machine; false: neither");
  flags.texts("--insecure-registry", insecure_,
              "Host without TLS, or with a certificate that can't be verified");
}

void RegistryFlags::apply(const std::string& domain, ServicesOptions& options) const {
  options.insecure_registries = insecure_;
  options.tls_verify = verify_of(verify_);
  if (credentials_.empty()) {
    return;
  }
  // The text itself may be a password: no message shows it.
  auto pair = base::split_once(credentials_, ':');
  if (!pair || pair->before.empty()) {
    base::fail(base::ErrorKind::kUsage, "--creds is not USER:PASSWORD");
  }
  options.credentials =
      RegistryLogin{.domain = domain,
                    .credential = {.username = std::string(pair->before),
                                   .password = registry::Secret(std::string(pair->after))}};
}

}  // namespace slipway::cmd
