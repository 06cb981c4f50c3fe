#include "cmd/attest_flags.h"

#include <map>

#include "base/error.h"
#include "base/text.h"
#include "parser/suggest.h"
#include "parser/words.h"

namespace slipway::cmd {

namespace {

using base::cat;
using Fields = std::map<std::string, std::string>;

[[noreturn]] void fail_usage(std::string message, std::string hint = {}) {
  base::fail(base::ErrorKind::kUsage, std::move(message), std::move(hint));
}

std::optional<bool> as_bool(const std::string& text) {
  if (text == "true" || text == "1") {
    return true;
  }
  if (text == "false" || text == "0") {
    return false;
  }
  return std::nullopt;
}

// "true", "false" or "KEY=VALUE,..."; `flag` as messages name it.
Fields parse_fields(const std::string& flag, const std::string& text) {
  if (auto whole = as_bool(text)) {
    return {{"disabled", *whole ? "false" : "true"}};
  }
  auto parts = parser::split_csv(text);
  if (!parts) {
    fail_usage(cat(flag, "=", text, ": ", parts.error()));
  }
  Fields fields;
  for (const std::string& part : *parts) {
    auto pair = base::split_once(part, '=');
    if (!pair) {
      fail_usage(cat(flag, "=", text, ": unexpected ", base::quote(part),
                     ": give true, false or KEY=VALUE"));
    }
    fields[base::to_lower_ascii(base::trim(pair->before))] = pair->after;
  }
  return fields;
}

bool get_bool(const std::string& flag, const std::string& key, const std::string& value) {
  std::optional<bool> read = as_bool(value);
  if (!read) {
    fail_usage(cat(flag, ": ", key, "=", value, " is neither true nor false"));
  }
  return *read;
}

[[noreturn]] void unknown_key(const std::string& flag, const std::string& key,
                              const std::vector<std::string>& keys) {
  fail_usage(cat(flag, ": unknown key ", base::quote(key), parser::did_you_mean(key, keys)),
             cat("there are: ", base::join(keys, ", ")));
}

// Nothing where it is turned off.
std::optional<builder::ProvenanceOptions> provenance_options(const std::string& flag,
                                                             const Fields& fields) {
  using Mode = builder::ProvenanceOptions::Mode;
  builder::ProvenanceOptions options;
  bool is_off = false;
  for (const auto& [key, value] : fields) {
    if (key == "disabled") {
      is_off = get_bool(flag, key, value);
    } else if (key == "mode" && (value == "min" || value == "max")) {
      options.mode = value == "max" ? Mode::kMax : Mode::kMin;
    } else if (key == "mode") {
      fail_usage(cat(flag, ": mode=", value, ": use min or max"));
    } else if (key == "builder-id") {
      options.builder_id = value;
    } else if (key == "reproducible") {
      options.reproducible = get_bool(flag, key, value);
    } else if (key != "version") {
      unknown_key(flag, key, {"mode", "builder-id", "reproducible", "version", "disabled"});
    } else if (value != "v1" && value != "1") {
      fail_usage(cat(flag, ": version=", value, ": only v1 of SLSA's provenance is written"));
    }
  }
  return is_off ? std::nullopt : std::optional(std::move(options));
}

bool wants_sbom(const std::string& flag, const Fields& fields) {
  bool is_off = false;
  for (const auto& [key, value] : fields) {
    if (key == "disabled") {
      is_off = get_bool(flag, key, value);
    } else if (key != "generator") {
      unknown_key(flag, key, {"generator", "disabled"});
    } else if (value != "builtin") {
      fail_usage(cat(flag, ": generator=", value, ": no other programs are run to list packages"),
                 "use generator=builtin, or leave it out: dpkg, apk, rpm, npm and pip are read");
    }
  }
  return !is_off;
}

void apply_attest(const std::string& text, builder::AttestRequest& request) {
  std::string flag = "--attest";
  Fields fields = parse_fields(flag, text);
  std::string type = fields["type"];
  fields.erase("type");
  if (type == "provenance") {
    request.provenance = provenance_options(flag, fields);
  } else if (type == "sbom") {
    request.sbom = wants_sbom(flag, fields);
  } else {
    fail_usage(cat(flag, " ", text, ": give type=provenance or type=sbom"));
  }
}

}  // namespace

void declare_attest_flags(Flags& flags, AttestFlags& into) {
  flags.text_or("--provenance", into.provenance, "true",
                "Say where the image comes from (SLSA): true, false, mode=min|max, builder-id=...");
  flags.text_or("--sbom", into.sbom, "true", "List the packages of the image (SPDX)");
  flags.texts("--attest", into.attests, "The same as type=provenance,mode=max or type=sbom");
  flags.text("--attest-as", into.form,
             "How attestations are tied to an image: referrers or index (default: as suits the "
             "output)");
}

builder::AttestRequest attest_request(const AttestFlags& flags,
                                      const std::vector<builder::Output>& outputs) {
  builder::AttestRequest request;
  for (const std::string& text : flags.attests) {
    apply_attest(text, request);
  }
  if (!flags.provenance.empty()) {
    request.provenance =
        provenance_options("--provenance", parse_fields("--provenance", flags.provenance));
  }
  if (!flags.sbom.empty()) {
    request.sbom = wants_sbom("--sbom", parse_fields("--sbom", flags.sbom));
  }
  if (flags.form == "index") {
    request.form = builder::AttestationForm::kIndexEntry;
  } else if (flags.form == "referrers") {
    request.form = builder::AttestationForm::kReferrer;
  } else if (!flags.form.empty()) {
    fail_usage(cat("--attest-as=", flags.form, ": use referrers or index"));
  }
  for (const builder::Output& output : outputs) {
    bool is_attested =
        (request.provenance || request.sbom) && output.kind != builder::Output::Kind::kDocker;
    if (is_attested && output.oci_media_types == false) {
      fail_usage("oci-mediatypes=false: images in Docker's own form have no attestations",
                 "leave it out, or --provenance, --sbom and --attest");
    }
  }
  return request;
}

}  // namespace slipway::cmd
