#include <array>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "builder/export/export.h"
#include "parser/suggest.h"
#include "parser/words.h"

namespace slipway::builder {

namespace {

using base::cat;

[[noreturn]] void fail_usage(std::string message) {
  base::fail(base::ErrorKind::kUsage, cat("invalid output: ", message),
             "for example: --output type=local,dest=out  --output type=oci,dest=image.tar  "
             "--output type=image,push=true");
}

Output::Kind parse_kind(const std::string& text) {
  static const std::map<std::string, Output::Kind> kKinds = {
      {"image", Output::Kind::kImage},
      {"oci", Output::Kind::kOci},
      {"docker", Output::Kind::kDocker},
      {"local", Output::Kind::kLocal},
      {"tar", Output::Kind::kTar},
      {"registry", Output::Kind::kRegistry},
      {"cacheonly", Output::Kind::kCacheOnly}};
  auto found = kKinds.find(text);
  if (found == kKinds.end()) {
    std::vector<std::string> names;
    for (const auto& [name, kind] : kKinds) {
      names.push_back(name);
    }
    fail_usage(cat("unknown type ", base::quote(text), parser::did_you_mean(text, names)));
  }
  return found->second;
}

bool parse_bool(const std::string& key, const std::string& value) {
  if (value == "true" || value == "1" || value.empty()) {
    return true;
  }
  if (value == "false" || value == "0") {
    return false;
  }
  fail_usage(cat(key, "=", value, " is neither true nor false"));
}

LayerCompression parse_layer_compression(const std::string& value) {
  if (value == "gzip") {
    return LayerCompression::kGzip;
  }
  if (value == "zstd") {
    return LayerCompression::kZstd;
  }
  if (value == "uncompressed" || value == "none") {
    return LayerCompression::kNone;
  }
  fail_usage(cat("compression=", value, ": use gzip, zstd or uncompressed"));
}

int parse_level(const std::string& value) {
  std::optional<int> level = base::parse_integer<int>(value);
  if (!level || *level < 0 || *level > 22) {
    fail_usage(cat("compression-level=", value, " is no level from 0 to 22"));
  }
  return *level;
}

std::string parse_prefix(const std::string& value) {
  if (value.find_first_of(std::string_view("/\0", 2)) != std::string::npos) {
    fail_usage(cat("attestation-prefix=", value, ": it is the beginning of a file's name"));
  }
  return value;
}

// `where`: "" or "manifest", "index", "manifest-descriptor", "index-descriptor", with "[platform]"
// behind.
Annotation annotation_at(std::string_view where, std::string_view key, std::string_view value) {
  using Level = Annotation::Level;
  static const std::map<std::string_view, Level> kLevels = {
      {"", Level::kManifest},
      {"manifest", Level::kManifest},
      {"index", Level::kIndex},
      {"manifest-descriptor", Level::kManifestDescriptor},
      {"index-descriptor", Level::kIndexDescriptor}};
  Annotation annotation{.key = std::string(key), .value = std::string(value)};
  std::size_t bracket = where.find('[');
  if (bracket != std::string_view::npos) {
    std::string_view text = where.substr(bracket + 1, where.size() - bracket - 2);
    auto platform = where.ends_with(']') ? registry::parse_platform(text)
                                         : std::expected<registry::Platform, std::string>(
                                               std::unexpected(std::string("a ] is missing")));
    if (!platform) {
      fail_usage(cat("annotation ", base::quote(key), ": ", platform.error()));
    }
    annotation.platform = *std::move(platform);
  }
  auto level = kLevels.find(where.substr(0, bracket));
  if (level == kLevels.end()) {
    fail_usage(cat("annotation ", base::quote(key), ": unknown place ",
                   base::quote(where.substr(0, bracket)),
                   ": use manifest, index, manifest-descriptor or index-descriptor"));
  }
  annotation.level = level->second;
  return annotation;
}

// The keys that need no more than a value of their own; false for an unknown key.
bool set_key(Output& output, const std::string& key, const std::string& value) {
  using Setter = void (*)(Output&, const std::string& key, const std::string& value);
  static const std::map<std::string, Setter> kSetters = {
      {"type", [](Output& o, const std::string&, const std::string& v) { o.kind = parse_kind(v); }},
      {"dest", [](Output& o, const std::string&, const std::string& v) { o.destination = v; }},
      {"name",
       [](Output& o, const std::string&, const std::string& v) {
         for (std::string_view name : base::split(v, ',')) {
           o.names.emplace_back(name);
         }
       }},
      {"push",
       [](Output& o, const std::string& k, const std::string& v) { o.push = parse_bool(k, v); }},
      {"tar", [](Output& o, const std::string& k,
                 const std::string& v) { o.as_directory = !parse_bool(k, v); }},
      {"compression", [](Output& o, const std::string&,
                         const std::string& v) { o.compression = parse_layer_compression(v); }},
      {"compression-level", [](Output& o, const std::string&,
                               const std::string& v) { o.compression_level = parse_level(v); }},
      {"force-compression", [](Output& o, const std::string& k,
                               const std::string& v) { o.force_compression = parse_bool(k, v); }},
      {"oci-mediatypes", [](Output& o, const std::string& k,
                            const std::string& v) { o.oci_media_types = parse_bool(k, v); }},
      {"rewrite-timestamp", [](Output& o, const std::string& k,
                               const std::string& v) { o.rewrite_timestamp = parse_bool(k, v); }},
      {"attestation-prefix", [](Output& o, const std::string&,
                                const std::string& v) { o.attestation_prefix = parse_prefix(v); }},
      {"platform-split", [](Output& o, const std::string& k, const std::string& v) {
         o.platform_split = parse_bool(k, v);
       }}};
  constexpr std::string_view kAnnotation = "annotation";
  if (key.starts_with(kAnnotation)) {
    // "annotation.key", "annotation-index.key", "annotation-manifest[linux/amd64].key"
    std::string_view rest = std::string_view(key).substr(kAnnotation.size());
    std::size_t end = rest.find("].");
    std::size_t dot = end == std::string_view::npos ? rest.find('.') : end + 1;
    if (dot == std::string_view::npos || dot + 1 == rest.size()) {
      fail_usage(cat(key, ": an annotation needs a key, as annotation.KEY=VALUE"));
    }
    std::string_view where = rest.substr(0, dot);
    where.remove_prefix(where.starts_with('-') ? 1 : 0);
    output.annotations.push_back(annotation_at(where, rest.substr(dot + 1), value));
    return true;
  }
  auto found = kSetters.find(key);
  if (found == kSetters.end()) {
    return false;
  }
  found->second(output, key, value);
  return true;
}

void check(const Output& output) {
  bool needs_destination = output.kind == Output::Kind::kLocal;
  if (needs_destination && output.destination.empty()) {
    fail_usage("dest is required for type=local");
  }
  if (output.kind == Output::Kind::kLocal && output.destination == "-") {
    fail_usage("type=local needs a folder, not standard output");
  }
}

}  // namespace

Output parse_output(const std::string& text) {
  Output output;
  bool is_short = text.find('=') == std::string::npos && text.find(',') == std::string::npos;
  if (is_short) {
    if (text.empty()) {
      fail_usage("it is empty");
    }
    output.kind = text == "-" ? Output::Kind::kTar : Output::Kind::kLocal;
    output.destination = text;
    return output;
  }
  auto fields = parser::split_csv(text);
  if (!fields) {
    fail_usage(cat(base::quote(text), ": ", fields.error()));
  }
  for (const std::string& field : *fields) {
    auto pair = base::split_once(field, '=');
    std::string key =
        base::to_lower_ascii(base::trim(pair ? pair->before : std::string_view(field)));
    if (!set_key(output, key, pair ? std::string(pair->after) : std::string())) {
      static const std::vector<std::string> kKeys = {"type",
                                                     "dest",
                                                     "name",
                                                     "push",
                                                     "tar",
                                                     "compression",
                                                     "compression-level",
                                                     "force-compression",
                                                     "oci-mediatypes",
                                                     "rewrite-timestamp",
                                                     "annotation.KEY",
                                                     "attestation-prefix",
                                                     "platform-split"};
      fail_usage(cat("unknown key ", base::quote(key), parser::did_you_mean(key, kKeys)));
    }
  }
  check(output);
  // Where docker would load it into its images.
  if (output.kind == Output::Kind::kDocker && output.destination.empty()) {
    output.kind = Output::Kind::kImage;
  }
  return output;
}

std::vector<Annotation> parse_annotations(const std::string& text) {
  auto pair = base::split_once(text, '=');
  if (!pair || pair->before.empty()) {
    fail_usage(cat("annotation ", base::quote(text), ": give it as KEY=VALUE"));
  }
  auto placed = base::split_once(pair->before, ':');
  std::string_view key = placed ? placed->after : pair->before;
  std::vector<Annotation> annotations;
  for (std::string_view where :
       base::split(placed ? placed->before : std::string_view("manifest"), ',')) {
    annotations.push_back(annotation_at(where, key, pair->after));
  }
  return annotations;
}

}  // namespace slipway::builder
