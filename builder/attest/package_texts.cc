#include "builder/attest/package_texts.h"

#include <functional>
#include <map>
#include <string>

#include "base/text.h"

namespace slipway::builder {

namespace {

// Of one paragraph: names in lower case; a name that stands twice has its first value. Values are
// views of the text, first lines only: what goes on in the next line is prose.
using Fields = std::map<std::string, std::string_view, std::less<>>;

std::string get(const Fields& fields, std::string_view name) {
  auto found = fields.find(name);
  return std::string(found == fields.end() ? std::string_view()
                                           : found->second.substr(0, kPackageFieldBytesMax));
}

// Paragraphs of "Name: value" lines with an empty line between them, as in Debian's control files
// and the headers of RFC 822. Lines that are no such thing are passed over.
void each_paragraph(std::string_view text, const std::function<bool(const Fields&)>& visit) {
  Fields fields;
  while (!text.empty()) {
    std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (base::trim(line).empty()) {
      if (!fields.empty() && !visit(fields)) {
        return;
      }
      fields.clear();
      continue;
    }
    std::size_t colon = line.find(':');
    bool is_field = line.front() != ' ' && line.front() != '\t' &&
                    colon != std::string_view::npos && colon <= kPackageFieldBytesMax;
    if (is_field) {
      fields.try_emplace(base::to_lower_ascii(line.substr(0, colon)),
                         base::trim(line.substr(colon + 1)));
    }
  }
  if (!fields.empty()) {
    visit(fields);
  }
}

// "License :: OSI Approved :: MIT License": the last part of the classifier.
std::string licence_of_classifier(std::string_view text) {
  for (std::string_view line : base::split(text, '\n')) {
    constexpr std::string_view kStart = "Classifier: License ::";
    if (line.starts_with(kStart)) {
      std::string_view last = line.substr(line.rfind("::") + 2);
      return std::string(base::trim(last).substr(0, kPackageFieldBytesMax));
    }
    if (base::trim(line).empty()) {
      break;
    }
  }
  return {};
}

std::string first_of(std::initializer_list<std::string> texts) {
  for (const std::string& text : texts) {
    if (!text.empty() && text != "UNKNOWN") {
      return text;
    }
  }
  return {};
}

}  // namespace

std::vector<Package> parse_dpkg_status(std::string_view text) {
  std::vector<Package> packages;
  each_paragraph(text, [&](const Fields& fields) {
    Package package{.kind = PackageKind::kDebian,
                    .name = get(fields, "package"),
                    .version = get(fields, "version"),
                    .architecture = get(fields, "architecture"),
                    .epoch = {},
                    .source = get(fields, "source"),
                    .licence = {},
                    .supplier = get(fields, "maintainer"),
                    .homepage = get(fields, "homepage"),
                    .found_in = {}};
    std::string status = get(fields, "status");
    bool is_installed = status.empty() || status.ends_with(" installed");
    if (is_installed && !package.name.empty()) {
      packages.push_back(std::move(package));
    }
    return true;
  });
  return packages;
}

std::vector<Package> parse_apk_installed(std::string_view text) {
  // Letters of apk's format mean other things in upper and lower case: read line by line.
  std::vector<Package> packages;
  Package package{.kind = PackageKind::kAlpine};
  auto finish = [&] {
    if (!package.name.empty()) {
      packages.push_back(std::move(package));
    }
    package = Package{.kind = PackageKind::kAlpine};
  };
  for (std::string_view line : base::split(text, '\n')) {
    if (base::trim(line).empty()) {
      finish();
      continue;
    }
    if (line.size() < 2 || line[1] != ':') {
      continue;
    }
    std::string value(base::trim(line.substr(2)).substr(0, kPackageFieldBytesMax));
    switch (line[0]) {
      case 'P':
        package.name = std::move(value);
        break;
      case 'V':
        package.version = std::move(value);
        break;
      case 'A':
        package.architecture = std::move(value);
        break;
      case 'L':
        package.licence = std::move(value);
        break;
      case 'o':
        package.source = std::move(value);
        break;
      case 'm':
        package.supplier = std::move(value);
        break;
      case 'U':
        package.homepage = std::move(value);
        break;
      default:
        break;
    }
  }
  finish();
  return packages;
}

std::vector<Package> parse_python_metadata(std::string_view text) {
  std::vector<Package> packages;
  each_paragraph(text, [&](const Fields& fields) {
    Package package{.kind = PackageKind::kPython,
                    .name = get(fields, "name"),
                    .version = get(fields, "version"),
                    .architecture = {},
                    .epoch = {},
                    .source = {},
                    .licence = first_of({get(fields, "license-expression"), get(fields, "license"),
                                         licence_of_classifier(text)}),
                    .supplier = {},
                    .homepage = first_of({get(fields, "home-page")}),
                    .found_in = {}};
    if (!package.name.empty()) {
      packages.push_back(std::move(package));
    }
    return false;  // what follows is the description
  });
  return packages;
}

}  // namespace slipway::builder
