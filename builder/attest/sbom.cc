#include "builder/attest/sbom.h"

#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "builder/attest/licences.h"

namespace slipway::builder {

namespace {

using base::cat;
using nlohmann::json;

constexpr std::string_view kNoAssertion = "NOASSERTION";
constexpr std::string_view kImageId = "SPDXRef-Image";
constexpr std::size_t kIdNameBytesMax = 64;

// SPDX 2.3, 3.2: letters, digits, "." and "-" only. The digest keeps apart what that makes equal.
std::string spdx_id(const Package& package, const std::string& purl) {
  std::string id;
  for (char c : package.name.substr(0, kIdNameBytesMax)) {
    bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '.' || c == '-';
    id += is_plain ? c : '-';
  }
  std::string identity = cat(purl, '\0', package.name, '\0', package.version);
  return cat("SPDXRef-Package-", manager_of(package.kind), "-", id, "-",
             base::sha256_of(identity).hex().substr(0, 16));
}

// Only what looks like one: SPDX wants a URI there.
json homepage_of(const Package& package) {
  bool is_url = package.homepage.starts_with("https://") || package.homepage.starts_with("http://");
  bool is_clean = package.homepage.find_first_of(" \t\"<>") == std::string::npos;
  return is_url && is_clean ? json(package.homepage) : json();
}

class Document {
 public:
  Document(const PackageScan& scan, const SbomSubject& subject) : scan_(scan), subject_(subject) {}

  std::string text() {
    add_image();
    for (const Package& package : scan_.packages) {
      add(package);
    }
    json document{{"spdxVersion", "SPDX-2.3"},
                  {"SPDXID", "SPDXRef-DOCUMENT"},
                  {"dataLicense", "CC0-1.0"},
                  {"name", subject_.name},
                  {"creationInfo",
                   {{"created", base::format_rfc3339({subject_.created.seconds, 0})},
                    {"creators", {"Tool: slipway-" SLIPWAY_VERSION}}}},
                  {"documentDescribes", {kImageId}},
                  {"packages", std::move(packages_)},
                  {"relationships", std::move(relationships_)}};
    for (const auto& [id, text] : licences_) {
      document["hasExtractedLicensingInfos"].push_back(
          {{"licenseId", id}, {"extractedText", text}});
    }
    if (!scan_.notes.empty()) {
      document["comment"] = cat("Not all could be read. ", base::join(scan_.notes, "; "));
    }
    // Named by its own content, so that two documents are the same if their names are.
    document["documentNamespace"] =
        cat("urn:slipway:spdx:", base::sha256_of(base::dump_json(document)).hex());
    return base::dump_json(document);
  }

 private:
  void relate(std::string_view from, std::string_view how, std::string_view to) {
    relationships_.push_back(
        {{"spdxElementId", from}, {"relationshipType", how}, {"relatedSpdxElement", to}});
  }

  void add_image() {
    packages_.push_back({{"SPDXID", kImageId},
                         {"name", subject_.name},
                         {"primaryPackagePurpose", "CONTAINER"},
                         {"downloadLocation", kNoAssertion},
                         {"filesAnalyzed", false},
                         {"licenseConcluded", kNoAssertion},
                         {"licenseDeclared", kNoAssertion},
                         {"copyrightText", kNoAssertion}});
    relate("SPDXRef-DOCUMENT", "DESCRIBES", kImageId);
  }

  void add(const Package& package) {
    std::string purl = purl_of(package, scan_.distribution);
    std::string id = spdx_id(package, purl);
    json entry{{"SPDXID", id},
               {"name", package.name},
               {"downloadLocation", kNoAssertion},
               {"filesAnalyzed", false},
               {"licenseConcluded", kNoAssertion},
               {"licenseDeclared", licence_of(package)},
               {"copyrightText", kNoAssertion},
               {"supplier", supplier_of(package)},
               {"sourceInfo", source_of(package)},
               {"externalRefs",
                {{{"referenceCategory", "PACKAGE-MANAGER"},
                  {"referenceType", "purl"},
                  {"referenceLocator", purl}}}}};
    if (!package.version.empty()) {
      entry["versionInfo"] = package.version;
    }
    if (json homepage = homepage_of(package); !homepage.is_null()) {
      entry["homepage"] = std::move(homepage);
    }
    packages_.push_back(std::move(entry));
    relate(kImageId, "CONTAINS", id);
  }

  // SPDX 2.3, 7.5: "Organization: NAME (ADDRESS)", where the field has "NAME <ADDRESS>".
  static std::string supplier_of(const Package& package) {
    std::string name = package.supplier;
    std::replace(name.begin(), name.end(), '<', '(');
    std::replace(name.begin(), name.end(), '>', ')');
    return name.empty() ? std::string(kNoAssertion) : cat("Organization: ", name);
  }

  static std::string source_of(const Package& package) {
    std::string text = cat("from ", manager_of(package.kind), "'s ", package.found_in);
    return package.source.empty() ? text : cat(text, ", built from ", package.source);
  }

  std::string licence_of(const Package& package) {
    SpdxLicence licence = spdx_licence(package.licence);
    for (SpdxLicence::Reference& reference : licence.references) {
      licences_.emplace(std::move(reference.id), std::move(reference.text));
    }
    return std::move(licence.expression);
  }

  const PackageScan& scan_;
  const SbomSubject& subject_;
  json packages_ = json::array();
  json relationships_ = json::array();
  std::map<std::string, std::string> licences_;
};

}  // namespace

Attestation make_sbom(const PackageScan& scan, const SbomSubject& subject) {
  return {std::string(kSpdxPredicate), Document(scan, subject).text(), "sbom.spdx.json"};
}

}  // namespace slipway::builder
