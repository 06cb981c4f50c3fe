#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/stream.h"
#include "base/text.h"
#include "cmd/flags.h"
#include "cmd/password.h"
#include "cmd/registry_flags.h"
#include "cmd/report.h"
#include "cmd/services.h"
#include "cmd/verbs.h"
#include "registry/http/login_store.h"

namespace slipway::cmd {

namespace {

using base::cat;

// No password is longer; a file that was redirected by mistake is.
constexpr std::size_t kPasswordBytesMax = 64 * 1024;

struct LoginFlags {
  std::string username;
  std::string password;
  bool password_from_stdin = false;
  bool get_login = false;
  RegistryFlags registry;
  std::vector<std::string> words;
};

bool parse(const Invocation& invocation, LoginFlags& values) {
  Flags flags("login", "[OPTIONS] [REGISTRY]",
              "Check a name and a password at a registry, and keep them for later.");
  flags.text("-u,--username", values.username, "Name");
  flags.text("-p,--password", values.password, "Password; others may see it: better on stdin");
  flags.toggle("--password-stdin", values.password_from_stdin, "Read the password from stdin");
  flags.toggle("--get-login", values.get_login, "Print the name that is kept, log in nowhere");
  values.registry.add_to(flags);
  flags.words(values.words, {0, 1});
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return false;
  }
  if (values.password_from_stdin && !values.password.empty()) {
    base::fail(base::ErrorKind::kUsage, "--password and --password-stdin are mutually exclusive");
  }
  if (values.password_from_stdin && values.username.empty()) {
    base::fail(base::ErrorKind::kUsage, "--password-stdin needs --username");
  }
  return true;
}

registry::LoginPlace get_place(const std::vector<std::string>& words) {
  std::string text = words.empty() ? "" : words.front();
  std::optional<registry::LoginPlace> place = registry::parse_login_place(text);
  if (!place) {
    base::fail(base::ErrorKind::kUsage, cat(base::quote(text), " is no registry's host"));
  }
  return *std::move(place);
}

std::string read_password_from_stdin() {
  base::Fd descriptor(base::check([] { return ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3); }, "fcntl",
                                  "standard input"));
  base::FdSource input(std::move(descriptor), "standard input");
  std::string password = base::read_all(input, kPasswordBytesMax, "the password");
  while (password.ends_with('\n') || password.ends_with('\r')) {
    password.pop_back();
  }
  return password;
}

registry::Credential get_credential(const LoginFlags& flags, const registry::LoginPlace& place) {
  std::string username = flags.username;
  std::string password = flags.password;
  if (flags.password_from_stdin) {
    password = read_password_from_stdin();
  } else if (username.empty() || password.empty()) {
    if (!can_ask()) {
      base::fail(base::ErrorKind::kUsage,
                 "can't ask for name and password: standard input is no terminal",
                 "give --username, and the password with --password-stdin");
    }
    if (username.empty()) {
      username = ask(cat("Username for ", place.text(), ": "));
    }
    if (password.empty()) {
      password = ask_unseen("Password: ");
    }
  }
  if (username.empty() || password.empty()) {
    base::fail(base::ErrorKind::kUsage, "name and password must not be empty");
  }
  return {.username = std::move(username), .password = registry::Secret(std::move(password))};
}

int print_login(const Invocation& invocation, const std::string& auth_file,
                const registry::LoginPlace& place) {
  auto kept = make_file_credentials(credential_options(invocation.environment, auth_file))
                  ->find(place.domain, place.path, {});
  if (!kept) {
    base::fail(base::ErrorKind::kNotFound, cat("not logged in to ", place.text()));
  }
  print_out(kept->username + "\n");
  return 0;
}

}  // namespace

int run_login(const Invocation& invocation) {
  LoginFlags flags;
  if (!parse(invocation, flags)) {
    return 0;
  }
  registry::LoginPlace place = get_place(flags.words);
  if (flags.get_login) {
    return print_login(invocation, flags.registry.auth_file(), place);
  }
  registry::Credential credential =
      flags.registry.has_credential() ? flags.registry.credential() : get_credential(flags, place);
  Services services(invocation,
                    {.use = StoreUse::kDocuments, .registries = flags.registry.access()});
  services.add_credential(place.domain, credential);
  registry::Secret identity_token = services.client().check_login(place.domain, services.stop());
  if (!identity_token.empty()) {
    credential.password = registry::Secret();
    credential.identity_token = std::move(identity_token);
  }
  registry::LoginKept kept =
      registry::store_login(credential_options(services.environment(), flags.registry.auth_file()),
                            place, credential, services.stop());
  if (kept.helper.empty()) {
    print_error(cat("WARNING: the password is kept unencrypted in ", kept.file,
                    "; a credential helper (credsStore) would keep it safe\n"));
  }
  print_out("Login Succeeded\n");
  return 0;
}

int run_logout(const Invocation& invocation) {
  std::vector<std::string> words;
  std::string auth_file;
  Flags flags("logout", "[OPTIONS] [REGISTRY]", "Forget the password that is kept for a registry.");
  flags.text("--authfile", auth_file, "The file to change");
  flags.words(words, {0, 1});
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return 0;
  }
  registry::LoginPlace place = get_place(words);
  bool erased =
      registry::erase_login(credential_options(invocation.environment, auth_file), place, {});
  print_out(erased ? cat("Removing login credentials for ", place.text(), "\n")
                   : cat("Not logged in to ", place.text(), "\n"));
  return 0;
}

}  // namespace slipway::cmd
