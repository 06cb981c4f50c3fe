#include "registry/oci/reference.h"

#include <algorithm>
#include <cassert>

#include "base/text.h"

// The grammar (distribution/reference, as of its version 0.6):
//   reference := name [":" tag] ["@" digest]
//   name      := [domain "/"] path
//   domain    := host [":" digits]       host := label ("." label)* | "[" [0-9a-fA-F:]+ "]"
//   path      := comp ("/" comp)*        comp := [a-z0-9]+ (("." | "_" | "__" | "-"+) [a-z0-9]+)*
// The names people type are shorter, and whether "a/b" is host and path or only a path is decided
// by how the first part looks: see split_domain.

namespace slipway::registry {

namespace {

constexpr std::string_view kDefaultDomain = "docker.io";
constexpr std::string_view kLegacyDefaultDomain = "index.docker.io";
constexpr std::string_view kOfficialPrefix = "library/";
constexpr std::size_t kPathLengthMax = 255;
constexpr std::size_t kTagLengthMax = 128;
constexpr std::size_t kDigestHexLengthMin = 32;
constexpr std::string_view kInvalidFormat = "invalid reference format";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_letter(char c) {
  return is_lower(c) || (c >= 'A' && c <= 'Z');
}
bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_alphanumeric(char c) {
  return is_letter(c) || is_digit(c);
}
bool is_path_letter(char c) {
  return is_lower(c) || is_digit(c);
}

bool has_upper(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool is_label(std::string_view label) {
  return !label.empty() && is_alphanumeric(label.front()) && is_alphanumeric(label.back()) &&
         std::all_of(label.begin(), label.end(),
                     [](char c) { return is_alphanumeric(c) || c == '-'; });
}

bool is_host(std::string_view host) {
  if (host.size() >= 3 && host.front() == '[' && host.back() == ']') {
    std::string_view address = host.substr(1, host.size() - 2);
    return std::all_of(address.begin(), address.end(),
                       [](char c) { return is_hex_digit(c) || c == ':'; });
  }
  std::vector<std::string_view> labels = base::split(host, '.');
  return std::all_of(labels.begin(), labels.end(), is_label);
}

bool is_domain(std::string_view text) {
  // The port's colon comes after the bracket of an IPv6 address.
  std::size_t bracket = text.rfind(']');
  std::size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon == std::string_view::npos) {
    return is_host(text);
  }
  std::string_view port = text.substr(colon + 1);
  return !port.empty() && std::all_of(port.begin(), port.end(), is_digit) &&
         is_host(text.substr(0, colon));
}

// Length of the separator at the front of `text`: one '.', one or two '_', any number of '-'.
std::size_t separator_length(std::string_view text) {
  if (text.starts_with("__")) {
    return 2;
  }
  if (text.front() == '.' || text.front() == '_') {
    return 1;
  }
  return std::min(text.find_first_not_of('-'), text.size());
}

bool is_path_component(std::string_view text) {
  while (!text.empty() && is_path_letter(text.front())) {
    auto end_of_letters = std::find_if_not(text.begin(), text.end(), is_path_letter);
    text.remove_prefix(static_cast<std::size_t>(end_of_letters - text.begin()));
    if (text.empty()) {
      return true;
    }
    text.remove_prefix(separator_length(text));
  }
  return false;
}

bool is_repository_path(std::string_view text) {
  std::vector<std::string_view> components = base::split(text, '/');
  return std::all_of(components.begin(), components.end(), is_path_component);
}

bool is_digest_algorithm(std::string_view text) {
  while (!text.empty() && is_letter(text.front())) {
    auto end_of_part = std::find_if_not(text.begin(), text.end(), is_alphanumeric);
    text.remove_prefix(static_cast<std::size_t>(end_of_part - text.begin()));
    if (text.empty()) {
      return true;
    }
    if (std::string_view("-_+.").find(text.front()) == std::string_view::npos) {
      return false;
    }
    text.remove_prefix(1);
  }
  return false;
}

// What the reference grammar calls a digest; whether it is a good one is Digest::parse's business.
bool looks_like_digest(std::string_view text) {
  auto pair = base::split_once(text, ':');
  return pair && is_digest_algorithm(pair->before) && pair->after.size() >= kDigestHexLengthMin &&
         std::all_of(pair->after.begin(), pair->after.end(), is_hex_digit);
}

bool is_hex64(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

struct DomainSplit {
  std::string domain;
  std::string rest;
};

DomainSplit split_domain(std::string_view text) {
  DomainSplit split{std::string(kDefaultDomain), std::string(text)};
  if (auto pair = base::split_once(text, '/')) {
    std::string_view first = pair->before;
    bool is_a_domain = first.find_first_of(".:") != std::string_view::npos ||
                       first == "localhost" || has_upper(first);
    if (is_a_domain) {
      split = {std::string(first), std::string(pair->after)};
    }
  }
  if (split.domain == kLegacyDefaultDomain) {
    split.domain = kDefaultDomain;
  }
  if (split.domain == kDefaultDomain && !split.rest.contains('/')) {
    split.rest.insert(0, kOfficialPrefix);
  }
  return split;
}

// "name:tag@digest" taken apart; nothing is checked yet.
struct Parts {
  std::string_view name;
  std::optional<std::string_view> tag;
  std::optional<std::string_view> digest;
};

Parts split_parts(std::string_view text) {
  Parts parts;
  if (auto pair = base::split_once(text, '@')) {
    parts.digest = pair->after;
    text = pair->before;
  }
  // A colon before the last slash belongs to the domain.
  std::size_t slash = text.rfind('/');
  std::size_t colon = text.find(':', slash == std::string_view::npos ? 0 : slash);
  if (colon != std::string_view::npos) {
    parts.tag = text.substr(colon + 1);
    text = text.substr(0, colon);
  }
  parts.name = text;
  return parts;
}

bool matches_grammar(const Parts& parts) {
  return (!parts.tag || is_tag(*parts.tag)) && (!parts.digest || looks_like_digest(*parts.digest));
}

bool match_class(std::string_view& pattern, char c, bool& matched);

// One step of a shell pattern, as Go's path.Match has it: `pattern` loses its first element.
// False: the element does not match; an empty optional: malformed.
std::optional<bool> match_one(std::string_view& pattern, std::optional<char> c) {
  char first = pattern.front();
  if (first == '[') {
    bool matched = false;
    if (!match_class(pattern, c.value_or('/'), matched)) {
      return std::nullopt;
    }
    return c.has_value() && matched;
  }
  if (first == '?') {
    pattern.remove_prefix(1);
    return c.has_value() && *c != '/';
  }
  if (first == '\\') {
    pattern.remove_prefix(1);
    if (pattern.empty()) {
      return std::nullopt;
    }
    first = pattern.front();
  }
  pattern.remove_prefix(1);
  return c.has_value() && *c == first;
}

// A possibly escaped character of a class; nothing where the class ends too early.
std::optional<char> take_class_character(std::string_view& pattern) {
  if (pattern.empty() || pattern.front() == '-' || pattern.front() == ']') {
    return std::nullopt;
  }
  if (pattern.front() == '\\') {
    pattern.remove_prefix(1);
    if (pattern.empty()) {
      return std::nullopt;
    }
  }
  char c = pattern.front();
  pattern.remove_prefix(1);
  return c;
}

// "[a-z]", "[^0-9]" at the front of the pattern; false if it is malformed.
bool match_class(std::string_view& pattern, char c, bool& matched) {
  pattern.remove_prefix(1);
  bool negated = pattern.starts_with('^');
  if (negated) {
    pattern.remove_prefix(1);
  }
  bool in_class = false;
  for (bool first = true; first || !pattern.starts_with(']'); first = false) {
    std::optional<char> low = take_class_character(pattern);
    std::optional<char> high = low;
    if (low && pattern.starts_with('-')) {
      pattern.remove_prefix(1);
      high = take_class_character(pattern);
    }
    if (!low || !high || pattern.empty()) {
      return false;
    }
    in_class = in_class || (*low <= c && c <= *high);
  }
  pattern.remove_prefix(1);
  matched = in_class != negated && c != '/';
  return true;
}

// Greedy matching with one point to come back to, so that the work is at most pattern * text.
std::optional<bool> glob_match(std::string_view pattern, std::string_view text) {
  std::optional<std::string_view> retry_pattern;
  std::string_view retry_text;
  while (true) {
    if (pattern.starts_with('*')) {
      pattern.remove_prefix(1);
      retry_pattern = pattern;
      retry_text = text;
      continue;
    }
    if (pattern.empty() && text.empty()) {
      return true;
    }
    std::optional<bool> matched = false;
    if (!pattern.empty()) {
      matched = match_one(pattern, text.empty() ? std::nullopt : std::optional(text.front()));
      if (!matched) {
        return std::nullopt;
      }
    }
    if (*matched) {
      text.remove_prefix(1);
      continue;
    }
    // Let the last star take one more character, if it may.
    if (!retry_pattern || retry_text.empty() || retry_text.front() == '/') {
      return false;
    }
    retry_text.remove_prefix(1);
    pattern = *retry_pattern;
    text = retry_text;
  }
}

}  // namespace

bool is_tag(std::string_view text) {
  auto may_start = [](char c) { return is_alphanumeric(c) || c == '_'; };
  auto may_follow = [&](char c) { return may_start(c) || c == '.' || c == '-'; };
  return !text.empty() && text.size() <= kTagLengthMax && may_start(text.front()) &&
         std::all_of(text.begin(), text.end(), may_follow);
}

std::expected<Reference, std::string> Reference::parse(std::string_view text) {
  if (is_hex64(text)) {
    return std::unexpected(base::cat("invalid repository name (", text,
                                     "), cannot specify 64-byte hexadecimal strings"));
  }
  DomainSplit split = split_domain(text);
  std::string_view remote = std::string_view(split.rest).substr(0, split.rest.find(':'));
  if (has_upper(remote.substr(0, remote.find('@')))) {
    return std::unexpected(
        base::cat(kInvalidFormat, ": repository name (", remote, ") must be lowercase"));
  }
  std::string whole = base::cat(split.domain, '/', split.rest);
  Parts parts = split_parts(whole);
  if (!matches_grammar(parts)) {
    return std::unexpected(std::string(kInvalidFormat));
  }
  auto name = base::split_once(parts.name, '/');
  Reference reference{"", std::string(parts.name)};
  if (name && is_domain(name->before) && is_repository_path(name->after)) {
    reference = Reference(std::string(name->before), std::string(name->after));
  } else if (!is_repository_path(parts.name)) {
    return std::unexpected(std::string(kInvalidFormat));
  }
  if (reference.path_.size() > kPathLengthMax) {
    return std::unexpected(
        base::cat("repository name must not be more than ", kPathLengthMax, " characters"));
  }
  if (parts.tag) {
    reference.tag_ = std::string(*parts.tag);
  }
  if (parts.digest) {
    auto digest = base::Digest::parse(*parts.digest);
    if (!digest) {
      return std::unexpected(digest.error());
    }
    reference.digest_ = *std::move(digest);
  }
  return reference;
}

std::string Reference::name() const {
  return domain_.empty() ? path_ : base::cat(domain_, '/', path_);
}

std::string Reference::familiar_name() const {
  if (domain_ != kDefaultDomain) {
    return name();
  }
  std::string_view shorter = path_;
  if (shorter.starts_with(kOfficialPrefix)) {
    std::string_view rest = shorter.substr(kOfficialPrefix.size());
    // "library/a/b" keeps its prefix: "a/b" would mean another repository.
    if (!rest.contains('/')) {
      shorter = rest;
    }
  }
  return std::string(shorter);
}

namespace {

std::string with_suffixes(std::string name, const Reference& reference) {
  if (reference.tag()) {
    name += ':';
    name += *reference.tag();
  }
  if (reference.digest()) {
    name += '@';
    name += reference.digest()->text();
  }
  return name;
}

}  // namespace

std::string Reference::canonical() const {
  return with_suffixes(name(), *this);
}

std::string Reference::familiar() const {
  return with_suffixes(familiar_name(), *this);
}

Reference Reference::with_default_tag() const {
  return tag_ || digest_ ? *this : with_tag("latest");
}

Reference Reference::for_pull() const {
  Reference result = with_default_tag();
  if (result.digest_) {
    result.tag_.reset();
  }
  return result;
}

Reference Reference::without_tag_and_digest() const {
  return Reference(domain_, path_);
}

Reference Reference::with_tag(std::string_view tag) const {
  assert(is_tag(tag));
  Reference result = *this;
  result.tag_ = std::string(tag);
  return result;
}

Reference Reference::with_digest(base::Digest digest) const {
  Reference result = *this;
  result.digest_ = std::move(digest);
  return result;
}

std::optional<base::Digest> find_image_id(std::string_view text) {
  if (is_hex64(text)) {
    return base::Digest::from_sha256_hex(text);
  }
  auto digest = base::Digest::parse(text);
  return digest ? std::optional(*std::move(digest)) : std::nullopt;
}

std::expected<bool, std::string> familiar_match(std::string_view pattern,
                                                const Reference& reference) {
  for (const std::string& text : {reference.familiar(), reference.familiar_name()}) {
    std::optional<bool> matched = glob_match(pattern, text);
    if (!matched) {
      return std::unexpected("syntax error in pattern");
    }
    if (*matched) {
      return true;
    }
  }
  return false;
}

}  // namespace slipway::registry
