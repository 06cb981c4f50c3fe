#include "builder/attest/licences.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/digest.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;

constexpr int kDepthMax = 16;
constexpr std::size_t kExpressionBytesMax = 1024;

// Those of SPDX's list that packages of distributions, npm and pip have. What is missing here is
// not wrong, it is quoted instead of named.
constexpr std::array kLicences = {"0BSD",
                                  "AFL-2.1",
                                  "AFL-3.0",
                                  "AGPL-3.0",
                                  "AGPL-3.0-only",
                                  "AGPL-3.0-or-later",
                                  "Apache-1.1",
                                  "Apache-2.0",
                                  "Artistic-1.0",
                                  "Artistic-2.0",
                                  "BlueOak-1.0.0",
                                  "BSD-1-Clause",
                                  "BSD-2-Clause",
                                  "BSD-2-Clause-Patent",
                                  "BSD-3-Clause",
                                  "BSD-4-Clause",
                                  "BSL-1.0",
                                  "bzip2-1.0.6",
                                  "CC-BY-3.0",
                                  "CC-BY-4.0",
                                  "CC-BY-SA-3.0",
                                  "CC-BY-SA-4.0",
                                  "CC0-1.0",
                                  "CDDL-1.0",
                                  "CDDL-1.1",
                                  "CPL-1.0",
                                  "curl",
                                  "ECL-2.0",
                                  "EPL-1.0",
                                  "EPL-2.0",
                                  "EUPL-1.2",
                                  "FSFAP",
                                  "FSFUL",
                                  "FSFULLR",
                                  "FTL",
                                  "GFDL-1.2",
                                  "GFDL-1.3",
                                  "GFDL-1.3-only",
                                  "GFDL-1.3-or-later",
                                  "GPL-1.0",
                                  "GPL-1.0-only",
                                  "GPL-1.0-or-later",
                                  "GPL-2.0",
                                  "GPL-2.0-only",
                                  "GPL-2.0-or-later",
                                  "GPL-3.0",
                                  "GPL-3.0-only",
                                  "GPL-3.0-or-later",
                                  "HPND",
                                  "ICU",
                                  "IJG",
                                  "ISC",
                                  "LGPL-2.0",
                                  "LGPL-2.0-only",
                                  "LGPL-2.0-or-later",
                                  "LGPL-2.1",
                                  "LGPL-2.1-only",
                                  "LGPL-2.1-or-later",
                                  "LGPL-3.0",
                                  "LGPL-3.0-only",
                                  "LGPL-3.0-or-later",
                                  "Libpng",
                                  "libpng-2.0",
                                  "MIT",
                                  "MIT-0",
                                  "MIT-CMU",
                                  "MPL-1.1",
                                  "MPL-2.0",
                                  "MS-PL",
                                  "NCSA",
                                  "NTP",
                                  "OFL-1.1",
                                  "OLDAP-2.8",
                                  "OpenSSL",
                                  "PHP-3.01",
                                  "PostgreSQL",
                                  "PSF-2.0",
                                  "Python-2.0",
                                  "Python-2.0.1",
                                  "Ruby",
                                  "Sleepycat",
                                  "SSH-OpenSSH",
                                  "TCL",
                                  "Unicode-3.0",
                                  "Unicode-DFS-2016",
                                  "Unlicense",
                                  "UPL-1.0",
                                  "Vim",
                                  "W3C",
                                  "WTFPL",
                                  "X11",
                                  "Zlib",
                                  "zlib-acknowledgement",
                                  "ZPL-2.1"};
constexpr std::array kExceptions = {"Autoconf-exception-2.0",
                                    "Autoconf-exception-3.0",
                                    "Bison-exception-2.2",
                                    "Classpath-exception-2.0",
                                    "GCC-exception-2.0",
                                    "GCC-exception-3.1",
                                    "Linux-syscall-note",
                                    "LLVM-exception",
                                    "OCaml-LGPL-linking-exception",
                                    "OpenSSL-exception",
                                    "openvpn-openssl-exception",
                                    "u-boot-exception-2.0"};

// The spelling of the list, for a name in any case.
template <std::size_t kCount>
std::optional<std::string> find_name(const std::array<const char*, kCount>& names,
                                     std::string_view text) {
  auto found = std::find_if(names.begin(), names.end(), [&](std::string_view name) {
    return base::equal_ignoring_case(name, text);
  });
  return found == names.end() ? std::nullopt : std::optional<std::string>(*found);
}

// SPDX 2.3, annex D: names, "+", WITH, AND, OR and brackets. Operators are taken in lower case,
// too, as rpm's packagers write them.
class Expression {
 public:
  explicit Expression(std::string_view text) : rest_(base::trim(text)) {}

  std::optional<std::string> parse() {
    std::optional<std::string> whole = terms(0);
    return whole && rest_.empty() ? whole : std::nullopt;
  }

 private:
  std::string_view next() const {
    if (rest_.starts_with('(') || rest_.starts_with(')')) {
      return rest_.substr(0, 1);
    }
    return rest_.substr(0, rest_.find_first_of(" ()"));
  }
  void take(std::string_view word) { rest_ = base::trim(rest_.substr(word.size())); }
  bool take_word(std::string_view word) {
    if (!base::equal_ignoring_case(next(), word)) {
      return false;
    }
    take(word);
    return true;
  }

  std::optional<std::string> terms(int depth) {
    std::optional<std::string> all = term(depth);
    while (all) {
      std::string_view joint = take_word("AND") ? " AND " : take_word("OR") ? " OR " : "";
      if (joint.empty()) {
        return all;
      }
      std::optional<std::string> more = term(depth);
      all = more ? std::optional(cat(*all, joint, *more)) : std::nullopt;
    }
    return all;
  }

  std::optional<std::string> term(int depth) {
    if (take_word("(")) {
      std::optional<std::string> inner = depth < kDepthMax ? terms(depth + 1) : std::nullopt;
      return inner && take_word(")") ? std::optional(cat("(", *inner, ")")) : std::nullopt;
    }
    std::string_view word = next();
    std::string_view plain = word.substr(0, word.size() - (word.ends_with('+') ? 1 : 0));
    std::optional<std::string> name = find_name(kLicences, plain);
    if (!name) {
      return std::nullopt;
    }
    take(word);
    std::string licence = cat(*name, word.ends_with('+') ? "+" : "");
    if (!take_word("WITH")) {
      return licence;
    }
    word = next();
    std::optional<std::string> exception = find_name(kExceptions, word);
    if (!exception) {
      return std::nullopt;
    }
    take(word);
    return cat(licence, " WITH ", *exception);
  }

  std::string_view rest_;
};

}  // namespace

SpdxLicence spdx_licence(std::string_view text) {
  text = base::trim(text);
  if (text.empty() || base::equal_ignoring_case(text, "unknown")) {
    return {"NOASSERTION", {}};
  }
  if (text.size() <= kExpressionBytesMax) {
    if (auto expression = Expression(text).parse()) {
      return {*std::move(expression), {}};
    }
  }
  std::string id = cat("LicenseRef-", base::sha256_of(text).hex().substr(0, 16));
  return {id, {{id, std::string(text)}}};
}

}  // namespace slipway::builder
