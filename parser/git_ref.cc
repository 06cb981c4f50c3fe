#include "parser/git_ref.h"

#include <algorithm>
#include <expected>
#include <utility>
#include <vector>

#include "parser/ast/values.h"
#include "parser/glob.h"
#include "parser/quoting.h"
#include "parser/unicode.h"

namespace slipway::parser {

namespace {

using Problem = std::optional<std::string>;

struct Query {
  std::string key;
  std::string value;
};

// A reference cut into its parts, before the query is understood.
struct Address {
  std::string remote;
  std::string query;
  std::string fragment;
  bool unencrypted = false;
  bool indistinguishable_from_local = false;
};

bool has_control(std::string_view text) {
  return std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

// Cuts `?query` and `#fragment` off the end of the text.
std::string_view cut_tail(std::string_view text, Address& address) {
  if (std::size_t hash = text.find('#'); hash != std::string_view::npos) {
    address.fragment = text.substr(hash + 1);
    text = text.substr(0, hash);
  }
  if (std::size_t mark = text.find('?'); mark != std::string_view::npos) {
    address.query = text.substr(mark + 1);
    text = text.substr(0, mark);
  }
  return text;
}

int hex_value(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

// Nothing where a '%' is not followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out.push_back(plus_is_space && text[at] == '+' ? ' ' : text[at]);
      continue;
    }
    int high = at + 2 < text.size() ? hex_value(text[at + 1]) : -1;
    int low = at + 2 < text.size() ? hex_value(text[at + 2]) : -1;
    if (high < 0 || low < 0) {
      return std::nullopt;
    }
    out.push_back(static_cast<char>(high * 16 + low));
    at += 2;
  }
  return out;
}

bool is_scheme_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// The lower-case scheme of `scheme://...`, or empty.
std::string scheme_of(std::string_view text) {
  std::size_t end = text.find("://");
  if (end == std::string_view::npos || end == 0 ||
      !std::ranges::all_of(text.substr(0, end), is_scheme_character)) {
    return {};
  }
  return lower_ascii(text.substr(0, end));
}

std::optional<Address> parse_url(std::string_view text, const std::string& scheme) {
  bool http = scheme == "http" || scheme == "https";
  if ((!http && scheme != "git" && scheme != "ssh") || has_control(text)) {
    return std::nullopt;
  }
  Address address{.unencrypted = scheme == "http" || scheme == "git"};
  std::string_view rest = cut_tail(text.substr(scheme.size() + 3), address);
  std::size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view host = rest.substr(0, slash);
  std::optional<std::string> path = percent_decode(rest.substr(slash), false);
  if (host.contains(' ') || !path || (http && !path->ends_with(".git"))) {
    return std::nullopt;
  }
  address.remote = scheme + "://" + std::string(rest);
  return address;
}

// `user@host:path`, as ssh and scp take it.
std::optional<Address> parse_scp(std::string_view text) {
  auto is_user = [](char c) { return is_scheme_character(c) || c == '-' || c == '_'; };
  auto is_host = [](char c) { return is_scheme_character(c) || c == '-' || c == '.'; };
  std::size_t at = text.find('@');
  std::size_t colon = text.find(':');
  if (at == std::string_view::npos || colon == std::string_view::npos || at == 0 ||
      colon <= at + 1 || text.contains('\n') || !std::ranges::all_of(text.substr(0, at), is_user) ||
      !std::ranges::all_of(text.substr(at + 1, colon - at - 1), is_host)) {
    return std::nullopt;
  }
  Address address;
  address.remote = cut_tail(text, address);
  return address;
}

std::optional<Address> parse_address(std::string_view text) {
  if (text.starts_with("./") || text.starts_with("../")) {
    return std::nullopt;
  }
  if (text.starts_with("github.com/")) {
    Address address{.indistinguishable_from_local = true};
    address.remote = cut_tail(text, address);
    return has_control(text) ? std::nullopt : std::optional(std::move(address));
  }
  std::string scheme = scheme_of(text);
  return scheme.empty() ? parse_scp(text) : parse_url(text, scheme);
}

// Keys and values in written order. A key or value that can't be decoded is left out.
std::vector<Query> split_query(std::string_view text) {
  std::vector<Query> queries;
  while (!text.empty()) {
    std::size_t end = std::min(text.find('&'), text.size());
    std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    std::size_t equals = std::min(part.find('='), part.size());
    auto key = percent_decode(part.substr(0, equals), true);
    auto value = percent_decode(part.substr(std::min(equals + 1, part.size())), true);
    if (!part.empty() && !part.contains(';') && key && value) {
      queries.push_back({std::move(*key), std::move(*value)});
    }
  }
  return queries;
}

Problem conflict(std::string_view what, const std::string& one, const std::string& other) {
  if (one.empty() || one == other) {
    return std::nullopt;
  }
  return std::string(what) + " conflicts: " + quote_text(one) + " vs " + quote_text(other);
}

std::string with_prefix(std::string_view prefix, const std::string& name) {
  return name.starts_with(prefix) ? name : std::string(prefix) + name;
}

// The query's keys on their way into a reference.
class QueryReader {
 public:
  explicit QueryReader(GitReference& reference) : reference_(reference) {}

  Problem read(const std::vector<Query>& queries) {
    for (const Query& query : queries) {
      auto same = [&](const Query& other) { return other.key == query.key; };
      if (std::ranges::count_if(queries, same) > 1) {
        return "query " + quote_text(query.key) + " has multiple values";
      }
      if (Problem problem = take(query)) {
        return problem;
      }
    }
    return finish();
  }

 private:
  Problem take(const Query& query) {
    const std::string& key = query.key;
    if (std::optional<bool>* flag = flag_of(key)) {
      *flag = query.value.empty() ? std::optional(true) : parse_boolean(query.value);
      return *flag ? std::nullopt
                   : Problem("invalid " + key + " value: " + quote_text(query.value));
    }
    std::string* text = text_of(key);
    if (text == nullptr) {
      return "unexpected query " + quote_text(key);
    }
    if (query.value.empty()) {
      return "query " + quote_text(key) + " has no value";
    }
    if (key == "mtime" && query.value != "checkout" && query.value != "commit") {
      return "invalid mtime value: " + quote_text(query.value) +
             " (must be \"checkout\" or \"commit\")";
    }
    Problem problem =
        key == "ref" || key == "subdir" ? conflict(key, *text, query.value) : std::nullopt;
    *text = query.value;
    return problem;
  }

  std::optional<bool>* flag_of(std::string_view key) {
    return key == "keep-git-dir"      ? &reference_.keep_git_dir
           : key == "submodules"      ? &reference_.submodules
           : key == "fetch-by-commit" ? &reference_.fetch_by_commit
                                      : nullptr;
  }

  std::string* text_of(std::string_view key) {
    return key == "ref"                           ? &reference_.ref
           : key == "subdir"                      ? &reference_.subdir
           : key == "checksum" || key == "commit" ? &reference_.checksum
           : key == "mtime"                       ? &reference_.mtime
           : key == "tag"                         ? &tag_
           : key == "branch"                      ? &branch_
                                                  : nullptr;
  }

  Problem finish() {
    if (!tag_.empty()) {
      std::string ref = with_prefix("refs/tags/", tag_);
      if (Problem problem = conflict("ref", reference_.ref, ref)) {
        return problem;
      }
      reference_.ref = ref;
    }
    if (branch_.empty()) {
      return std::nullopt;
    }
    if (!tag_.empty()) {
      return "branch conflicts with tag";
    }
    std::string ref = with_prefix("refs/heads/", branch_);
    Problem problem = conflict("ref", reference_.ref, ref);
    reference_.ref = ref;
    return problem;
  }

  GitReference& reference_;
  std::string tag_;
  std::string branch_;
};

GitReference reference_of(const Address& address) {
  GitReference reference{.remote = address.remote,
                         .unencrypted = address.unencrypted,
                         .indistinguishable_from_local = address.indistinguishable_from_local};
  std::string_view name = address.remote;
  name.remove_prefix(name.rfind('/') + 1);
  if (name.ends_with(".git")) {
    name.remove_suffix(4);
  }
  reference.short_name = name;
  std::size_t colon = std::min(address.fragment.find(':'), address.fragment.size());
  reference.ref = address.fragment.substr(0, colon);
  if (colon < address.fragment.size()) {
    reference.subdir = clean_path("/" + address.fragment.substr(colon + 1)).substr(1);
  }
  return reference;
}

}  // namespace

GitReferenceResult parse_git_reference(std::string_view text) {
  std::optional<Address> address = parse_address(text);
  if (!address) {
    return {};
  }
  GitReferenceResult result{.is_git = true};
  GitReference reference = reference_of(*address);
  if (Problem problem = QueryReader(reference).read(split_query(address->query))) {
    result.error = std::move(*problem);
  } else {
    result.reference = std::move(reference);
  }
  return result;
}

bool is_http_url(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

}  // namespace slipway::parser
