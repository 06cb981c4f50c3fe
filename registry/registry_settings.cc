#include "registry/registry_settings.h"

#include <algorithm>
#include <map>
#include <optional>
#include <variant>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "registry/oci/reference.h"

// Of TOML this reads what registries.conf is made of: tables, arrays of tables, and keys with
// strings, booleans, whole numbers and arrays of strings.

namespace slipway::registry {

namespace {

using base::cat;

using Value = std::variant<std::string, bool, std::int64_t, std::vector<std::string>>;

struct Entry {
  std::string table;  // "registry", "registry.mirror", "aliases"; empty: the top
  std::string key;    // empty: a table of an array begins ([[…]])
  Value value;
};

class TomlReader {
 public:
  TomlReader(std::string_view text, std::string_view what) : text_(text), what_(what) {}

  std::vector<Entry> read() {
    std::vector<Entry> entries;
    std::string table;
    for (skip_blank(); place_ < text_.size(); skip_blank()) {
      if (take("[[")) {
        table = read_key();
        expect("]]");
        entries.push_back({table, "", false});
      } else if (take("[")) {
        table = read_key();
        expect("]");
      } else {
        std::string key = read_key();
        expect("=");
        entries.push_back({table, std::move(key), read_value()});
      }
      end_line();
    }
    return entries;
  }

 private:
  [[noreturn]] void fail(std::string_view problem) const {
    auto line =
        1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(place_), '\n');
    base::fail(base::ErrorKind::kInput, cat(what_, ", line ", line, ": ", problem));
  }
  char peek() const { return place_ < text_.size() ? text_[place_] : '\0'; }
  bool take(std::string_view word) {
    skip_spaces();
    if (!text_.substr(place_).starts_with(word)) {
      return false;
    }
    place_ += word.size();
    return true;
  }
  void expect(std::string_view word) {
    if (!take(word)) {
      fail(cat("expected ", base::quote(word)));
    }
  }
  void skip_spaces() {
    while (peek() == ' ' || peek() == '\t') {
      ++place_;
    }
  }
  void skip_comment() {
    if (peek() == '#') {
      place_ = std::min(text_.find('\n', place_), text_.size());
    }
  }
  // Spaces, comments and line ends.
  void skip_blank() {
    while (true) {
      skip_spaces();
      skip_comment();
      if (peek() != '\n' && peek() != '\r') {
        return;
      }
      ++place_;
    }
  }
  void end_line() {
    skip_spaces();
    skip_comment();
    if (place_ < text_.size() && peek() != '\n' && peek() != '\r') {
      fail("more than one thing on a line");
    }
  }

  // a.b, "a/b", a
  std::string read_key() {
    std::string key = read_key_part();
    while (take(".")) {
      key += cat('.', read_key_part());
    }
    return key;
  }
  std::string read_key_part() {
    skip_spaces();
    if (peek() == '"' || peek() == '\'') {
      return read_string();
    }
    std::size_t begin = place_;
    while ((peek() >= 'a' && peek() <= 'z') || (peek() >= 'A' && peek() <= 'Z') ||
           (peek() >= '0' && peek() <= '9') || peek() == '-' || peek() == '_') {
      ++place_;
    }
    if (begin == place_) {
      fail("expected a key");
    }
    return std::string(text_.substr(begin, place_ - begin));
  }

  std::string read_string() {
    char quote = peek();
    std::string result;
    for (++place_; peek() != quote; ++place_) {
      if (place_ >= text_.size() || peek() == '\n') {
        fail("a string does not end");
      }
      if (quote == '"' && peek() == '\\') {
        ++place_;
        if (peek() != '"' && peek() != '\\') {
          fail("only \\\" and \\\\ are known in strings");
        }
      }
      result += peek();
    }
    ++place_;
    return result;
  }

  Value read_value() {
    skip_spaces();
    if (peek() == '"' || peek() == '\'') {
      return read_string();
    }
    if (peek() == '[') {
      return read_array();
    }
    std::size_t end = std::min(text_.find_first_of(" \t\r\n#", place_), text_.size());
    std::string_view word = text_.substr(place_, end - place_);
    auto number = base::parse_integer<std::int64_t>(word);
    if (word != "true" && word != "false" && !number) {
      fail(cat("expected a string, true, false, a number or an array, not ", base::quote(word)));
    }
    place_ = end;
    return number ? Value(*number) : Value(word == "true");
  }

  std::vector<std::string> read_array() {
    ++place_;
    std::vector<std::string> strings;
    for (skip_blank(); peek() != ']'; skip_blank()) {
      if (peek() != '"' && peek() != '\'') {
        fail("expected a string or the end of the array");
      }
      strings.push_back(read_string());
      skip_blank();
      if (peek() == ',') {
        ++place_;
      } else if (peek() != ']') {
        fail("expected a comma or the end of the array");
      }
    }
    ++place_;
    return strings;
  }

  std::string_view text_;
  std::string_view what_;
  std::size_t place_ = 0;
};

// Where the tag or the digest begins.
std::size_t name_length(std::string_view text) {
  std::size_t at = std::min(text.find('@'), text.size());
  std::size_t slash = text.substr(0, at).rfind('/');
  return std::min(text.find(':', slash == std::string_view::npos ? 0 : slash), at);
}

// Docker's rule: a first part with a dot or a colon, or "localhost", is a registry.
bool is_short(std::string_view name) {
  std::size_t slash = name.find('/');
  std::string_view first = name.substr(0, slash);
  return slash == std::string_view::npos ||
         (first.find_first_of(".:") == std::string_view::npos && first != "localhost");
}

class ConfReader {
 public:
  explicit ConfReader(std::string_view what) : what_(what) {}

  std::vector<RegistryRule> rules_of(const std::vector<Entry>& entries) {
    for (const Entry& entry : entries) {
      take(entry);
    }
    for (RegistryRule& rule : rules_) {
      if (rule.prefix.empty()) {
        rule.prefix = rule.location;
      }
      if (rule.prefix.empty()) {
        base::fail(base::ErrorKind::kInput,
                   cat(what_, ": a [[registry]] has neither prefix nor location"));
      }
      if (rule.location.empty() && !rule.prefix.starts_with("*.")) {
        rule.location = rule.prefix;
      }
    }
    return std::move(rules_);
  }
  // After rules_of.
  const std::map<std::string, std::string>& aliases() const { return aliases_; }

 private:
  void take(const Entry& entry) {
    if (entry.table == "aliases" && !entry.key.empty()) {
      take_alias(entry);
    } else if (entry.table == "registry" && entry.key.empty()) {
      rules_.emplace_back();
      mirrors_by_digest_ = false;
    } else if (entry.table == "registry" && !rules_.empty()) {
      take_rule(entry, rules_.back());
    } else if (entry.table == "registry.mirror" && !rules_.empty()) {
      if (entry.key.empty()) {
        rules_.back().mirrors.push_back(
            {.pulls = mirrors_by_digest_ ? Pulls::kDigestOnly : Pulls::kAll});
      } else if (!rules_.back().mirrors.empty()) {
        take_mirror(entry, rules_.back().mirrors.back());
      }
    }
  }

  void take_alias(const Entry& entry) {
    auto bad = [&](std::string_view problem) {
      base::fail(base::ErrorKind::kInput,
                 cat(what_, ": the alias ", base::quote(entry.key), " ", problem));
    };
    auto is_bare = [](const std::string& name) {
      auto reference = Reference::parse(name);
      return reference && !reference->tag() && !reference->digest();
    };
    std::string value = text_of(entry);
    if (!is_short(entry.key) || !is_bare(entry.key)) {
      bad("is no short name without a tag");
    }
    if (!value.empty() && (is_short(value) || !is_bare(value))) {
      bad(cat("stands for ", base::quote(value), ", not for a registry's repository"));
    }
    if (!aliases_.emplace(entry.key, std::move(value)).second) {
      bad("is there twice");
    }
  }

  void take_rule(const Entry& entry, RegistryRule& rule) {
    if (entry.key == "prefix") {
      rule.prefix = text_of(entry);
    } else if (entry.key == "location") {
      rule.location = text_of(entry);
    } else if (entry.key == "insecure") {
      rule.insecure = truth_of(entry);
    } else if (entry.key == "blocked") {
      rule.blocked = truth_of(entry);
    } else if (entry.key == "mirror-by-digest-only") {
      mirrors_by_digest_ = truth_of(entry);
      for (RegistryMirror& mirror : rule.mirrors) {
        mirror.pulls = mirrors_by_digest_ ? Pulls::kDigestOnly : mirror.pulls;
      }
    }
  }

  void take_mirror(const Entry& entry, RegistryMirror& mirror) {
    if (entry.key == "location") {
      mirror.location = text_of(entry);
    } else if (entry.key == "insecure") {
      mirror.insecure = truth_of(entry);
    } else if (entry.key == "pull-from-mirror") {
      static const std::map<std::string, Pulls> kKnown = {
          {"all", Pulls::kAll}, {"digest-only", Pulls::kDigestOnly}, {"tag-only", Pulls::kTagOnly}};
      auto known = kKnown.find(text_of(entry));
      if (known == kKnown.end()) {
        base::fail(base::ErrorKind::kInput,
                   cat(what_, ": pull-from-mirror is all, digest-only or tag-only"));
      }
      mirror.pulls = known->second;
    }
  }

  std::string text_of(const Entry& entry) const {
    const auto* text = std::get_if<std::string>(&entry.value);
    if (text == nullptr) {
      base::fail(base::ErrorKind::kInput, cat(what_, ": ", entry.key, " is not a string"));
    }
    return *text;
  }
  bool truth_of(const Entry& entry) const {
    const auto* truth = std::get_if<bool>(&entry.value);
    if (truth == nullptr) {
      base::fail(base::ErrorKind::kInput, cat(what_, ": ", entry.key, " is not true or false"));
    }
    return *truth;
  }

  using Pulls = RegistryMirror::Pulls;
  std::string_view what_;
  std::vector<RegistryRule> rules_;
  std::map<std::string, std::string> aliases_;
  bool mirrors_by_digest_ = false;
};

// How much of the name the prefix covers: whole parts of a path, or any host below "*.".
std::optional<std::size_t> covered(std::string_view prefix, std::string_view name) {
  if (prefix.starts_with("*.")) {
    std::string_view host = name.substr(0, name.find('/'));
    std::string_view bare = host.substr(0, host.find(':'));
    bool below = bare.ends_with(prefix.substr(1)) && bare.size() > prefix.size() - 1;
    return below ? std::optional(host.size()) : std::nullopt;
  }
  bool covers =
      name.starts_with(prefix) && (name.size() == prefix.size() || name[prefix.size()] == '/');
  return covers ? std::optional(prefix.size()) : std::nullopt;
}

std::string host_of(std::string_view location) {
  return std::string(location.substr(0, location.find('/')));
}

std::vector<std::string> texts_of(const nlohmann::json& document, const char* member,
                                  std::string_view what) {
  std::vector<std::string> texts;
  auto list = document.find(member);
  if (list == document.end() || list->is_null()) {
    return texts;
  }
  for (const nlohmann::json& item : *list) {
    if (!list->is_array() || !item.is_string()) {
      base::fail(base::ErrorKind::kInput, cat(what, ": ", member, " is not a list of strings"));
    }
    texts.push_back(item.get<std::string>());
  }
  return texts;
}

}  // namespace

void add_registries_conf(RegistrySettings& settings, std::string_view text, std::string_view what) {
  ConfReader reader(what);
  for (RegistryRule& rule : reader.rules_of(TomlReader(text, what).read())) {
    std::erase_if(settings.rules,
                  [&](const RegistryRule& other) { return other.prefix == rule.prefix; });
    settings.rules.push_back(std::move(rule));
  }
  for (const auto& [name, repository] : reader.aliases()) {
    settings.aliases[name] = repository;
  }
}

void add_daemon_json(RegistrySettings& settings, std::string_view text, std::string_view what) {
  nlohmann::json document = base::parse_json(text, what);
  if (!document.is_object()) {
    base::fail(base::ErrorKind::kInput, cat(what, " is not a JSON object"));
  }
  std::ranges::move(texts_of(document, "registry-mirrors", what),
                    std::back_inserter(settings.hub_mirrors));
  std::ranges::move(texts_of(document, "insecure-registries", what),
                    std::back_inserter(settings.insecure));
}

const RegistryRule* find_rule(const RegistrySettings& settings, std::string_view name) {
  const RegistryRule* best = nullptr;
  for (const RegistryRule& rule : settings.rules) {
    bool longer = best == nullptr || rule.prefix.size() > best->prefix.size();
    if (longer && covered(rule.prefix, name)) {
      best = &rule;
    }
  }
  return best;
}

std::string relocated(const RegistryRule& rule, std::string_view location, std::string_view name) {
  std::optional<std::size_t> length = covered(rule.prefix, name);
  return location.empty() || !length ? std::string(name) : cat(location, name.substr(*length));
}

std::optional<std::string> find_alias(const RegistrySettings& settings, std::string_view text) {
  std::size_t length = name_length(text);
  auto found = settings.aliases.find(std::string(text.substr(0, length)));
  bool is_set = found != settings.aliases.end() && !found->second.empty();
  return is_set ? std::optional(cat(found->second, text.substr(length))) : std::nullopt;
}

std::vector<std::string> insecure_hosts(const RegistrySettings& settings) {
  std::vector<std::string> hosts = settings.insecure;
  for (const RegistryRule& rule : settings.rules) {
    if (rule.insecure && !rule.location.empty()) {
      hosts.push_back(host_of(rule.location));
    }
    for (const RegistryMirror& mirror : rule.mirrors) {
      if (mirror.insecure) {
        hosts.push_back(host_of(mirror.location));
      }
    }
  }
  return hosts;
}

}  // namespace slipway::registry
