#include <limits>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cmd/flags.h"
#include "cmd/image_json.h"
#include "cmd/image_names.h"
#include "cmd/output/listing.h"
#include "cmd/output/template.h"
#include "cmd/report.h"
#include "cmd/services.h"
#include "cmd/verbs.h"

namespace slipway::cmd {

namespace {

using base::cat;
using Json = nlohmann::ordered_json;

struct InspectFlags {
  std::string format;
  std::string type;
  std::string platform;
  std::vector<std::string> words;
};

bool parse(const Invocation& invocation, InspectFlags& values) {
  Flags flags("inspect", "[OPTIONS] IMAGE [IMAGE...]",
              "Show all that is known of images, as JSON.");
  flags.text("-f,--format", values.format, "json, or a Go template: '{{json .Config.Env}}'");
  flags.text("--type", values.type, "image: there is nothing else");
  flags.text("--platform", values.platform, "Which image of a multi-platform name");
  flags.words(values.words, {1, std::numeric_limits<std::size_t>::max()});
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return false;
  }
  if (!values.type.empty() && values.type != "image") {
    base::fail(base::ErrorKind::kUsage,
               cat(base::quote(values.type), " is not a valid value for --type: only image is"));
  }
  return true;
}

// Members that docker's type has and its JSON leaves out where empty: templates may name them.
void add_absent(Json& image) {
  for (const char* name : {"Variant", "OsVersion"}) {
    if (!image.contains(name)) {
      image[name] = "";
    }
  }
}

std::string output_of(const std::vector<Json>& images, const std::string& format) {
  if (format.empty()) {
    return Json(images).dump(4, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  std::string text;
  Template line(format == "json" ? "{{json .}}" : unescape_format(format));
  for (Json image : images) {
    if (format != "json") {
      add_absent(image);
    }
    text += line.text_for(image) + "\n";
  }
  return text;
}

}  // namespace

int run_inspect(const Invocation& invocation) {
  InspectFlags flags;
  if (!parse(invocation, flags)) {
    return 0;
  }
  registry::Platform platform = get_platform(flags.platform);
  Services services(invocation, {.use = StoreUse::kDocuments});
  cache::Store& store = services.store();
  std::vector<Json> images;
  std::vector<base::Error> errors;
  for (const std::string& word : flags.words) {
    auto error = failure_of([&] {
      cache::ImageTable::Listed listed = get_listed_image(store, word, platform);
      images.push_back(image_json(listed, builder::read_image(store, listed.image.id)));
    });
    if (error) {
      errors.push_back(*std::move(error));
    }
  }
  // As docker does: what was found, and then what went wrong.
  print_out(output_of(images, flags.format));
  for (const base::Error& error : errors) {
    print_error(report_text(error));
  }
  return errors.empty() ? 0 : static_cast<int>(exit_code_of(errors.front().kind()));
}

}  // namespace slipway::cmd
