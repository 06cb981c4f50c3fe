#include "builder/sandbox/launch_request.h"

#include <cstring>
#include <utility>

namespace slipway::builder {

Request::~Request() {
  ::explicit_bzero(bytes.data(), bytes.size());
}

Request read_request(Packet packet) {
  if (packet.descriptors.size() < 4) {
    base::fail(base::ErrorKind::kInternal, "a launch came without its descriptors");
  }
  Request request;
  request.socket = std::move(packet.descriptors[0]);
  for (std::size_t index = 0; index < 3; ++index) {
    request.stdio[index] = std::move(packet.descriptors[index + 1]);
  }
  request.bytes = std::move(packet.bytes);
  ArchiveReader reader(request.bytes);
  reader(request.launch);
  request.spec_start = request.bytes.size() - reader.left().size();
  if (request.launch.spec_in_file) {
    constexpr std::size_t kSpecBytesMax = std::size_t{1} << 30;
    request.bytes = base::read_to_end(packet.descriptors.at(4), kSpecBytesMax, "sandbox spec");
    request.spec_start = 0;
  }
  return request;
}

bool forward_request(const base::Fd& socket, const Request& request) {
  std::vector<int> descriptors = {request.socket.get()};
  for (const base::Fd& stream : request.stdio) {
    descriptors.push_back(stream.get());
  }
  return send_packet(socket, request.bytes, descriptors);
}

}  // namespace slipway::builder
