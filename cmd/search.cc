#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "cmd/flags.h"
#include "cmd/output/listing.h"
#include "cmd/output/units.h"
#include "cmd/registry_flags.h"
#include "cmd/report.h"
#include "cmd/services.h"
#include "cmd/verbs.h"
#include "registry/http/auth.h"
#include "registry/http/error_body.h"
#include "registry/http/redirect.h"

namespace slipway::cmd {

namespace {

using base::cat;

constexpr std::size_t kAnswerBytesMax = 8 * 1024 * 1024;
constexpr std::size_t kDescriptionCharacters = 45;
constexpr std::string_view kHubHost = "index.docker.io";

struct SearchFlags {
  std::string limit = "25";
  std::vector<std::string> filters;
  bool no_trunc = false;
  std::string format;
  RegistryFlags registry;
  std::vector<std::string> words;
};

struct Filter {
  bool official_only = false;
  long long stars_min = 0;
};

bool parse(const Invocation& invocation, SearchFlags& values) {
  Flags flags("search", "[OPTIONS] [HOST/]TERM",
              "Search Docker Hub, or a registry that has the "
              "same search.");
  flags.text("--limit", values.limit, "At most so many (1 to 100, default 25)");
  flags.texts("-f,--filter", values.filters, "is-official=true, stars=N");
  flags.toggle("--no-trunc", values.no_trunc, "Whole descriptions");
  flags.text("--format", values.format, "table (default), json or a Go template");
  values.registry.add_to(flags);
  flags.words(values.words, {1, 1});
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return false;
  }
  return true;
}

Filter get_filter(const std::vector<std::string>& texts) {
  Filter filter;
  for (const std::string& text : texts) {
    auto pair = base::split_once(text, '=');
    std::string name(pair ? pair->before : std::string_view(text));
    std::string value(pair ? pair->after : std::string_view());
    long long stars = base::parse_integer<long long>(value).value_or(-1);
    if (name == "is-official" && (value == "true" || value == "false")) {
      filter.official_only = value == "true";
    } else if (name == "stars" && stars >= 0) {
      filter.stars_min = stars;
    } else {
      base::fail(base::ErrorKind::kUsage, cat("invalid filter ", base::quote(text)),
                 "there are is-official=true|false and stars=N");
    }
  }
  return filter;
}

// "HOST/term" asks HOST; registries on this machine are asked without TLS.
registry::Url url_of(const std::string& word, const std::string& limit) {
  std::string host(kHubHost);
  std::string term = word;
  std::string first = word.substr(0, word.find('/'));
  if (first.size() < word.size() && (first.contains('.') || first.contains(':'))) {
    host = first;
    term = word.substr(first.size() + 1);
  }
  auto parts = registry::parse_host_port(host);
  bool is_local = parts && registry::is_loopback(parts->host);
  auto url = registry::Url::parse(cat(is_local ? "http://" : "https://", host, "/v1/search"));
  auto count = base::parse_integer<int>(limit);
  if (!url || term.empty() || !count || *count < 1 || *count > 100) {
    base::fail(base::ErrorKind::kUsage,
               cat("can't search for ", base::quote(word), " with limit ", base::quote(limit)),
               "a term, perhaps with a host before it; limits are 1 to 100");
  }
  url->add_query("q", term);
  url->add_query("n", limit);
  return *std::move(url);
}

std::string domain_of(const registry::Url& url) {
  return url.host == kHubHost ? "docker.io" : url.authority();
}

nlohmann::json ask(Services& services, const registry::Url& url) {
  registry::Request request{.url = url};
  registry::Response response =
      registry::send_following(services.transport(), request, services.stop());
  if (response.status == 401 && (url.tls || registry::is_loopback(url.host))) {
    auto credential = services.credentials().find(domain_of(url), "", services.stop());
    if (credential && !credential->password.empty()) {
      request = {.url = url};
      request.headers.set("Authorization", registry::basic_header(*credential).reveal());
      response = registry::send_following(services.transport(), request, services.stop());
    }
  }
  std::string body = base::read_all(*response.body, kAnswerBytesMax, url.display());
  if (response.status != 200) {
    base::fail(base::ErrorKind::kNetwork, cat(url.display(), " answered ", response.status, ": ",
                                              registry::registry_words(body)));
  }
  return base::parse_json(body, url.display());
}

}  // namespace

int run_search(const Invocation& invocation) {
  SearchFlags flags;
  if (!parse(invocation, flags)) {
    return 0;
  }
  Filter filter = get_filter(flags.filters);
  registry::Url url = url_of(flags.words.front(), flags.limit);
  Services services(invocation, {.use = StoreUse::kDocuments,
                                 .registries = flags.registry.access(domain_of(url))});
  nlohmann::json answer = ask(services, url);
  Listing listing({{"Name", "NAME"},
                   {"Description", "DESCRIPTION"},
                   {"StarCount", "STARS"},
                   {"IsOfficial", "OFFICIAL"}},
                  {"Name", "Description", "StarCount", "IsOfficial"});
  const std::string what = url.display();
  auto results = answer.is_object() ? answer.find("results") : answer.end();
  if (results == answer.end() || !results->is_array()) {
    base::fail(base::ErrorKind::kNetwork, cat(what, " gives no list of results"));
  }
  for (const nlohmann::json& result : *results) {
    long long stars = base::json_integer(result, "star_count", 0, what);
    bool official = base::json_bool(result, "is_official", what);
    if ((filter.official_only && !official) || stars < filter.stars_min) {
      continue;
    }
    std::string description = base::json_text(result, "description", what);
    listing.add({{"Name", base::json_text(result, "name", what)},
                 {"Description",
                  flags.no_trunc ? description : ellipsis(description, kDescriptionCharacters)},
                 {"StarCount", cat(stars)},
                 {"IsOfficial", official ? "[OK]" : ""}});
  }
  print_out(listing.text(flags.format));
  return 0;
}

}  // namespace slipway::cmd
