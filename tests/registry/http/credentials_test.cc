#include "registry/http/credentials.h"

#include <sys/stat.h>

#include <csignal>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"

namespace slipway::registry {
namespace {

using testing::HasSubstr;

std::string text_of(const Credential& credential) {
  if (!credential.identity_token.empty()) {
    return base::cat("identity ", credential.identity_token.reveal());
  }
  if (!credential.registry_token.empty()) {
    return base::cat("registry ", credential.registry_token.reveal());
  }
  return base::cat(credential.username, ":", credential.password.reveal());
}

std::string found(std::string_view json, std::string_view domain,
                  std::string_view repository = "a") {
  AuthFile file = parse_auth_file(json, "config.json");
  const Credential* credential = find_auth(file, domain, repository);
  return credential == nullptr ? "none" : text_of(*credential);
}

std::string auth_of(std::string_view host, std::string_view user_and_password) {
  return base::cat(R"({"auths":{")", host, R"(":{"auth":")", base::to_base64(user_and_password),
                   R"("}}})");
}

TEST(AuthFile, PasswordMayHaveColonsAndPadding) {
  EXPECT_EQ(found(auth_of("r.example", "me:a:b"), "r.example"), "me:a:b");
  EXPECT_EQ(found(auth_of("r.example", std::string("me:pw\0\0", 7)), "r.example"), "me:pw");
  EXPECT_EQ(found(R"({"auths":{"r.example":{"username":"u","password":"p"}}})", "r.example"),
            "u:p");
}

TEST(AuthFile, TokensOfBothKinds) {
  EXPECT_EQ(found(R"({"auths":{"r":{"identitytoken":"i"}}})", "r"), "identity i");
  EXPECT_EQ(found(R"({"auths":{"r":{"registrytoken":"t"}}})", "r"), "registry t");
}

TEST(AuthFile, HubHasThreeNames) {
  std::string docker = auth_of("https://index.docker.io/v1/", "me:pw");
  EXPECT_EQ(found(docker, "docker.io", "library/alpine"), "me:pw");
  EXPECT_EQ(found(auth_of("docker.io", "me:pw"), "docker.io"), "me:pw");
  EXPECT_EQ(found(auth_of("registry-1.docker.io", "me:pw"), "docker.io"), "me:pw");
  EXPECT_EQ(found(docker, "quay.io"), "none");
}

TEST(AuthFile, SchemeAndPathOfDockersKeysDontCount) {
  EXPECT_EQ(found(auth_of("https://r.example:5000/v2/", "me:pw"), "r.example:5000"), "me:pw");
  EXPECT_EQ(found(auth_of("r.example:5000", "me:pw"), "r.example"), "none");
}

TEST(AuthFile, LongestPathWins) {
  std::string json = base::cat(R"({"auths":{"r":{"auth":")", base::to_base64("host:1"),
                               R"("},"r/ns":{"auth":")", base::to_base64("ns:1"),
                               R"("},"r/ns/app":{"auth":")", base::to_base64("app:1"), R"("}}})");
  EXPECT_EQ(found(json, "r", "ns/app"), "app:1");
  EXPECT_EQ(found(json, "r", "ns/app2"), "ns:1");
  EXPECT_EQ(found(json, "r", "nsx/app"), "host:1");
}

TEST(AuthFile, EmptyEntryMarksAHelpers) {
  EXPECT_EQ(found(R"({"auths":{"r":{}}})", "r"), "none");
}

TEST(AuthFile, HelperOfAHostBeatsTheStore) {
  AuthFile file = parse_auth_file(R"({"credsStore":"all","credHelpers":{"r":"one"}})", "c");
  EXPECT_EQ(find_helper(file, "r"), "one");
  EXPECT_EQ(find_helper(file, "docker.io"), "all");
}

std::string error_of(std::string_view json) {
  try {
    parse_auth_file(json, "/home/me/.docker/config.json");
  } catch (const base::Error& error) {
    return error.message();
  }
  return "";
}

TEST(AuthFile, ErrorsNameTheFileAndNoSecret) {
  EXPECT_THAT(error_of("{"), HasSubstr("/home/me/.docker/config.json"));
  EXPECT_THAT(error_of("[]"), HasSubstr("is not a JSON object"));
  EXPECT_THAT(error_of(R"({"auths":[]})"), HasSubstr("\"auths\" is not an object"));
  std::string message = error_of(R"({"auths":{"r":{"auth":"c2VjcmV0"}}})");
  EXPECT_THAT(message, HasSubstr("auths of r"));
  EXPECT_THAT(message, testing::Not(HasSubstr("secret")));
  EXPECT_THAT(message, testing::Not(HasSubstr("c2VjcmV0")));
}

TEST(Secret, PrintsStars) {
  std::ostringstream out;
  out << Secret("hunter2");
  EXPECT_EQ(out.str(), "***");
}

class FileCredentials : public testing::Test {
 protected:
  FileCredentials() : home_(testing::TempDir(), "credentials") { std::signal(SIGPIPE, SIG_IGN); }

  void write(const std::string& path, std::string_view text, mode_t mode = 0600) {
    std::size_t slash = path.rfind('/');
    std::string folder =
        home_.path() + (slash == std::string::npos ? "" : "/" + path.substr(0, slash));
    base::write_file_atomically(base::ensure_directory(folder), path.substr(slash + 1), text, mode);
  }
  CredentialFileOptions options() const {
    return {.home = home_.path(),
            .environment = {base::cat("PATH=", home_.path(), "/bin:/usr/bin:/bin")}};
  }
  static std::string ask(const CredentialFileOptions& options, std::string_view domain) {
    auto credential = make_file_credentials(options)->find(domain, "a", {});
    return credential ? text_of(*credential) : "none";
  }

  base::TempDir home_;
};

TEST_F(FileCredentials, NoFileIsNoCredential) {
  EXPECT_EQ(ask(options(), "r"), "none");
}

TEST_F(FileCredentials, FirstFileThatKnowsTheHostCounts) {
  write(".docker/config.json", auth_of("r", "docker:1"));
  write(".config/containers/auth.json", auth_of("s", "containers:1"));
  write("run/containers/auth.json", auth_of("s", "run:1"));
  EXPECT_EQ(ask(options(), "r"), "docker:1");
  EXPECT_EQ(ask(options(), "s"), "containers:1");
  CredentialFileOptions more = options();
  more.xdg_runtime_dir = home_.path() + "/run";
  EXPECT_EQ(ask(more, "s"), "run:1");
  write("first.json", auth_of("s", "first:1"));
  more.registry_auth_file = home_.path() + "/first.json";
  EXPECT_EQ(ask(more, "s"), "first:1");
  write("other/config.json", auth_of("r", "other:1"));
  more.docker_config = home_.path() + "/other";
  EXPECT_EQ(ask(more, "r"), "other:1");
}

constexpr std::string_view kHelper = R"(#!/bin/sh
read -r server
case "$1 $server" in
"get https://index.docker.io/v1/") printf '{"ServerURL":"x","Username":"hub","Secret":"pw"}' ;;
"get token.example") printf '{"ServerURL":"x","Username":"<token>","Secret":"idt"}' ;;
"get broken.example") echo "the vault is locked"; exit 1 ;;
*) echo "credentials not found in native keychain"; exit 1 ;;
esac
)";

TEST_F(FileCredentials, HelpersAreAsked) {
  write("bin/docker-credential-test", kHelper, 0755);
  write(".docker/config.json",
        base::cat(R"({"credsStore":"test",)", auth_of("elsewhere.example", "file:1").substr(1)));
  EXPECT_EQ(ask(options(), "docker.io"), "hub:pw");
  EXPECT_EQ(ask(options(), "token.example"), "identity idt");
  EXPECT_EQ(ask(options(), "unknown.example"), "none");
  EXPECT_EQ(ask(options(), "elsewhere.example"), "file:1");
}

TEST_F(FileCredentials, HelpersFailWithTheirOwnWords) {
  write("bin/docker-credential-test", kHelper, 0755);
  write(".docker/config.json",
        R"({"credHelpers":{"broken.example":"test","r":"absent","s":"../x"}})");
  auto error_for = [&](std::string_view domain) {
    try {
      return ask(options(), domain);
    } catch (const base::Error& error) {
      return error.message();
    }
  };
  EXPECT_THAT(error_for("broken.example"), HasSubstr("exit code: 1): the vault is locked"));
  EXPECT_THAT(error_for("r"), HasSubstr("docker-credential-absent is not on the PATH"));
  EXPECT_THAT(error_for("s"), HasSubstr("is no name of a program"));
}

}  // namespace
}  // namespace slipway::registry
