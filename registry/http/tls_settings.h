#pragma once

#include <string>

#include "registry/http/transport.h"

namespace slipway::registry {

// What is trusted at, and shown to, one host.
struct TlsSettings {
  bool verify = true;
  // PEM text of all CAs where the host has CAs of its own beside the general ones; else empty.
  std::string ca_text;
  std::string client_certificate;  // file names; empty: none
  std::string client_key;
};

// Reads the folders of options.certs_directories that are named for the host. kInput for a
// certificate without its key or the reverse, kNotFound if certs_directory_for_all is not there.
TlsSettings find_tls_settings(const TransportOptions& options, const Url& url);

}  // namespace slipway::registry
