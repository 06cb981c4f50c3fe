#include "builder/ops/resolv_conf.h"

#include <gtest/gtest.h>

#include "builder/ops/exec_settings.h"

namespace slipway::builder {
namespace {

TEST(ResolvConf, LoopbackServersAreReplacedBehindANetworkOfItsOwn) {
  UserNetwork network{.program = "/usr/bin/pasta", .name_server = "198.51.100.1"};
  EXPECT_EQ(resolv_conf_behind(network, "search a\nnameserver 127.0.0.53\n"),
            "search a\nnameserver 198.51.100.1\n");
  EXPECT_EQ(resolv_conf_behind(network, "nameserver ::1\nnameserver 192.0.2.1\n"),
            "nameserver 192.0.2.1\n");
}

TEST(ResolvConf, GivenLinesReplaceThoseOfTheirKind) {
  ExecSettings settings;
  const char* machines = "nameserver 192.0.2.1\nsearch a\noptions ndots:2\n";
  EXPECT_EQ(resolv_conf_with(settings, machines), machines);
  settings.dns_servers = {"192.0.2.7", "192.0.2.8"};
  EXPECT_EQ(resolv_conf_with(settings, machines),
            "nameserver 192.0.2.7\nnameserver 192.0.2.8\nsearch a\noptions ndots:2\n");
  settings.dns_search = {"b", "c"};
  settings.dns_options = {"rotate"};
  EXPECT_EQ(resolv_conf_with(settings, machines),
            "nameserver 192.0.2.7\nnameserver 192.0.2.8\nsearch b c\noptions rotate\n");
}

}  // namespace
}  // namespace slipway::builder
