#include "parser/ports.h"

#include <gtest/gtest.h>

namespace slipway::parser {
namespace {

std::string read(std::string_view text) {
  auto exposed = parse_exposed_ports(text);
  if (!exposed) {
    return exposed.error();
  }
  std::string out;
  for (const std::string& port : exposed->ports) {
    out += (out.empty() ? "" : " ") + port;
  }
  return out + (exposed->has_host_part ? " +host" : "") +
         (exposed->protocol_not_lower_case ? " +case" : "");
}

TEST(Ports, HaveAProtocol) {
  EXPECT_EQ(read("80"), "80/tcp");
  EXPECT_EQ(read("80/"), "80/tcp");
  EXPECT_EQ(read("80/UDP"), "80/udp +case");
  EXPECT_EQ(read("80/sctp"), "80/sctp");
  EXPECT_EQ(read("0080"), "80/tcp");
}

TEST(Ports, RangesAreSpreadOut) {
  EXPECT_EQ(read("80-82/udp"), "80/udp 81/udp 82/udp");
  EXPECT_EQ(read("80-80"), "80/tcp");
}

TEST(Ports, HostPartsAreChecked) {
  EXPECT_EQ(read("127.0.0.1:8080:80"), "80/tcp +host");
  EXPECT_EQ(read("[::1]:8080:80"), "80/tcp +host");
  EXPECT_EQ(read("::1:8080:80"), "80/tcp +host");
  EXPECT_EQ(read("1-3:80"), "80/tcp +host");
  EXPECT_EQ(read(":80"), "80/tcp");
  EXPECT_EQ(read("localhost:80:80"), "invalid IP address: localhost");
  EXPECT_EQ(read("x:80"), "invalid hostPort: x");
  EXPECT_EQ(read("1-3:80-81"),
            "invalid ranges specified for container and host Ports: 80-81 and 1-3");
}

TEST(Ports, SayWhatIsWrong) {
  EXPECT_EQ(read(""), "invalid port: \"\": no port specified");
  EXPECT_EQ(read("80:"), "invalid port: \"80:\": no port specified");
  EXPECT_EQ(read("80/foo"), "invalid port: \"80/foo\": invalid proto: foo");
  for (std::string_view bad : {"a", "80-", "-80", "81-80", "65536", "80-81-82", "+80", " 80"}) {
    EXPECT_EQ(read(bad), "invalid containerPort: " + std::string(bad));
  }
}

}  // namespace
}  // namespace slipway::parser
