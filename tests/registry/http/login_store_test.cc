#include "registry/http/login_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"

namespace slipway::registry {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(LoginPlace, IsWhatPeopleType) {
  auto text = [](std::string_view given) {
    auto place = parse_login_place(given);
    return place ? place->text() : "nothing";
  };
  EXPECT_EQ(text(""), "docker.io");
  EXPECT_EQ(text("https://index.docker.io/v1/"), "docker.io");
  EXPECT_EQ(text("registry-1.docker.io"), "docker.io");
  EXPECT_EQ(text("https://R.example:5000/v2/"), "r.example:5000");
  EXPECT_EQ(text("quay.io/team/"), "quay.io/team");
  EXPECT_EQ(text("docker.io/team"), "docker.io/team");
  EXPECT_EQ(text("a b"), "nothing");
  EXPECT_EQ(text("user@host"), "nothing");
}

class LoginStore : public testing::Test {
 protected:
  LoginStore() : home_(testing::TempDir(), "login") { std::signal(SIGPIPE, SIG_IGN); }

  void write(const std::string& folder, const std::string& name, std::string_view text,
             mode_t mode = 0600) {
    base::write_file_atomically(base::ensure_directory(home_.path() + "/" + folder), name, text,
                                mode);
  }
  std::string read(const std::string& path) const {
    return base::find_file_content(home_.path() + "/" + path, 1 << 20).value_or("absent");
  }
  json config() const { return json::parse(read(".docker/config.json")); }
  CredentialFileOptions options() const {
    return {.home = home_.path(),
            .environment = {base::cat("PATH=", home_.path(), "/bin:/usr/bin:/bin"),
                            base::cat("OUT=", home_.path(), "/out")}};
  }
  LoginKept store(std::string_view place, const Credential& credential) {
    return store_login(options(), *parse_login_place(place), credential, {});
  }
  std::optional<Credential> find(std::string_view domain, std::string_view repository = "a") {
    return make_file_credentials(options())->find(domain, repository, {});
  }

  Credential me_{.username = "me", .password = Secret("p:w")};
  base::TempDir home_;
};

TEST_F(LoginStore, WhatIsKeptIsFoundAgain) {
  EXPECT_EQ(store("r.example", me_).file, home_.path() + "/.docker/config.json");
  EXPECT_EQ(find("r.example"), me_);
  store("", me_);
  EXPECT_EQ(find("docker.io"), me_);
  EXPECT_TRUE(config()["auths"].contains("https://index.docker.io/v1/"));
  struct stat status{};
  ASSERT_EQ(::stat((home_.path() + "/.docker/config.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(LoginStore, OnlyItsOwnEntryChanges) {
  write(
      ".docker", "config.json",
      R"({"auths":{"other":{"auth":"YTpi"},"http://r.example/v2/":{"auth":"YTpi"}},"proxies":{"x":1}})");
  store("r.example", me_);
  json after = config();
  EXPECT_EQ(after["proxies"]["x"], 1);
  EXPECT_EQ(after["auths"].size(), 2U);
  EXPECT_EQ(find("r.example"), me_);
  EXPECT_TRUE(erase_login(options(), *parse_login_place("r.example"), {}));
  EXPECT_FALSE(erase_login(options(), *parse_login_place("r.example"), {}));
  EXPECT_EQ(config()["auths"].size(), 1U);
}

TEST_F(LoginStore, PartsOfAHostHaveTheirOwn) {
  store("r.example", me_);
  Credential team{.username = "team", .password = Secret("1")};
  store("r.example/team", team);
  EXPECT_EQ(find("r.example", "team/app"), team);
  EXPECT_EQ(find("r.example", "teams/app"), me_);
}

TEST_F(LoginStore, AnIdentityTokenStandsForThePassword) {
  store("r.example", {.username = "me", .identity_token = Secret("token")});
  EXPECT_EQ(find("r.example")->identity_token, Secret("token"));
  EXPECT_TRUE(find("r.example")->password.empty());
}

TEST_F(LoginStore, AHelperKeepsItAndTheFileNoSecret) {
  write("bin", "docker-credential-test", "#!/bin/sh\necho \"$1 $(cat)\" >> $OUT\n", 0755);
  write(".docker", "config.json", R"({"credsStore":"test"})");
  EXPECT_EQ(store("r.example", me_).helper, "test");
  EXPECT_EQ(read("out"),
            "store {\"Secret\":\"p:w\",\"ServerURL\":\"r.example\",\"Username\":\"me\"}\n");
  EXPECT_EQ(config()["auths"]["r.example"], json::object());
  EXPECT_TRUE(erase_login(options(), *parse_login_place("r.example"), {}));
  EXPECT_THAT(read("out"), HasSubstr("erase r.example\n"));
}

TEST_F(LoginStore, AHelperThatFailsLeavesTheFileAlone) {
  write("bin", "docker-credential-test", "#!/bin/sh\necho locked; exit 1\n", 0755);
  write(".docker", "config.json", R"({"credsStore":"test"})");
  try {
    store("r.example", me_);
    ADD_FAILURE() << "no error";
  } catch (const base::Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("locked"));
    EXPECT_THAT(error.message(), testing::Not(HasSubstr("p:w")));
  }
  EXPECT_EQ(read(".docker/config.json"), R"({"credsStore":"test"})");
}

TEST_F(LoginStore, ALinkedFileStaysLinked) {
  write("kept", "config.json", "{}");
  base::ensure_directory(home_.path() + "/.docker");
  ASSERT_EQ(::symlink((home_.path() + "/kept/config.json").c_str(),
                      (home_.path() + "/.docker/config.json").c_str()),
            0);
  store("r.example", me_);
  EXPECT_THAT(read("kept/config.json"), HasSubstr("r.example"));
}

}  // namespace
}  // namespace slipway::registry
