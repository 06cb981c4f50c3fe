#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "builder/sandbox/wire.h"

namespace slipway::builder {

// What a launch packet brings, in the order of its descriptors.
struct Request {
  Launch launch;
  std::string bytes;  // wiped by the destructor: secrets may be among them
  std::size_t spec_start = 0;
  base::Fd socket;
  std::array<base::Fd, 3> stdio;

  Request() = default;
  Request(Request&&) = default;
  Request& operator=(Request&&) = delete;
  ~Request();
  std::string_view spec() const { return std::string_view(bytes).substr(spec_start); }
};

// kInternal where the packet is none of a launch.
Request read_request(Packet packet);

// Sends it on, as it came; it must have come in one packet (not Launch::spec_in_file). False if the
// other end is gone.
bool forward_request(const base::Fd& socket, const Request& request);

}  // namespace slipway::builder
