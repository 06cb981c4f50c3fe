#include "builder/plan/epoch.h"

#include <utility>

#include "base/text.h"
#include "builder/plan/resolver_outcome.h"
#include "builder/plan/sources.h"
#include "parser/expand.h"
#include "parser/git_ref.h"

namespace slipway::builder {

namespace {

using base::cat;

constexpr std::string_view kName = "SOURCE_DATE_EPOCH";

// What a build context is as a source; nothing for those without a time of their own.
std::optional<VertexOp> source_of(const BuildContext& context) {
  if (context.kind == BuildContext::Kind::kHttp) {
    return SourceHttp{.url = context.text, .file_name = "context"};
  }
  if (context.kind == BuildContext::Kind::kGit) {
    parser::GitReferenceResult git = parser::parse_git_reference(context.text);
    if (git.reference) {
      if (auto source = git_source(*git.reference, {})) {
        return *std::move(source);
      }
    }
  }
  return std::nullopt;
}

// Reads a stage that only fetches a source: FROM scratch, ARG and exactly one ADD of a URL or git
// reference.
class SourceStageReader {
 public:
  explicit SourceStageReader(const StageInputs& inputs)
      : inputs_(inputs), variables_(inputs.global.values()) {
    variables_.erase(kName);
  }

  std::expected<VertexOp, std::string> read(const parser::Stage& stage) {
    auto base = expand(stage.from.base);
    if (!base) {
      return std::unexpected(cat("failed to process source stage base name ",
                                 base::quote(stage.from.base), ": ", base.error()));
    }
    if (*base != "scratch") {
      return std::unexpected("SOURCE_DATE_EPOCH stage must use FROM scratch");
    }
    for (const parser::Instruction& instruction : stage.instructions) {
      if (auto problem = take(instruction)) {
        return std::unexpected(*std::move(problem));
      }
    }
    if (!source_) {
      return std::unexpected("SOURCE_DATE_EPOCH stage must contain exactly one remote ADD");
    }
    return *std::move(source_);
  }

 private:
  std::expected<std::string, std::string> expand(std::string_view word) const {
    auto expanded = parser::expand(word, variables_, {.escape = inputs_.dockerfile.escape});
    if (!expanded) {
      return std::unexpected(std::move(expanded.error()));
    }
    return std::move(expanded->text);
  }

  std::optional<std::string> take(const parser::Instruction& instruction) {
    if (const auto* arg = std::get_if<parser::Arg>(&instruction)) {
      return take_arg(*arg);
    }
    if (const auto* add = std::get_if<parser::Add>(&instruction)) {
      return take_add(*add);
    }
    return cat("SOURCE_DATE_EPOCH stage does not meet source-only requirements: unsupported ",
               base::to_lower_ascii(parser::name_of(instruction)), " instruction");
  }

  std::optional<std::string> take_arg(const parser::Arg& arg) {
    for (const parser::Arg::Declaration& declaration : arg.declarations) {
      auto given = inputs_.options.build_args.find(declaration.name);
      if (given != inputs_.options.build_args.end()) {
        variables_.set(declaration.name, given->second);
      } else if (declaration.default_value) {
        auto value = expand(*declaration.default_value);
        if (!value) {
          return std::move(value.error());
        }
        variables_.set(declaration.name, *value);
      }
    }
    return std::nullopt;
  }

  std::optional<std::string> take_add(const parser::Add& add) {
    if (source_) {
      return "SOURCE_DATE_EPOCH stage must contain exactly one remote ADD";
    }
    if (!add.copy.files.empty() || add.copy.sources.size() != 1) {
      return "SOURCE_DATE_EPOCH stage must contain exactly one remote ADD source";
    }
    auto text = expand(add.copy.sources[0]);
    auto checksum = expand(add.checksum);
    if (!text || !checksum) {
      return std::move(text ? checksum.error() : text.error());
    }
    RemoteFlags flags{*std::move(checksum), add.keep_git_dir};
    parser::GitReferenceResult git = parser::parse_git_reference(*text);
    if (git.is_git && !git.reference) {
      return std::move(git.error);
    }
    if (git.is_git && !git.reference->indistinguishable_from_local) {
      return keep(git_source(*git.reference, flags));
    }
    if (parser::is_http_url(*text)) {
      return keep(http_source(*text, flags));
    }
    return "SOURCE_DATE_EPOCH stage source must be a single HTTP(S) or Git ADD";
  }

  template <typename Source>
  std::optional<std::string> keep(std::expected<Source, std::string> source) {
    if (!source) {
      return std::move(source.error());
    }
    source_ = *std::move(source);
    return std::nullopt;
  }

  const StageInputs& inputs_;
  parser::VariableList variables_;
  std::optional<VertexOp> source_;
};

// The source that a value names; nothing for one without a time of its own.
Planned<std::optional<VertexOp>> find_source(const StageInputs& inputs, const std::string& value) {
  if (value == "context") {
    return source_of(inputs.options.main_context);
  }
  std::string given_name;
  if (const BuildContext* context =
          find_context(inputs.options, value, inputs.target_platform, given_name)) {
    return source_of(*context);
  }
  for (const parser::Stage& stage : inputs.dockerfile.stages) {
    if (!stage.from.name.empty() && base::equal_ignoring_case(stage.from.name, value)) {
      auto source = SourceStageReader(inputs).read(stage);
      if (!source) {
        return failure(std::move(source.error()), source_lines(stage.from.lines));
      }
      return std::optional(*std::move(source));
    }
  }
  return failure(cat("invalid SOURCE_DATE_EPOCH: ", value));
}

}  // namespace

Planned<std::optional<std::int64_t>> find_source_date_epoch(const StageInputs& inputs,
                                                            ImageResolver& resolver,
                                                            std::stop_token stop) {
  std::string value;
  auto given = inputs.options.build_args.find(std::string(kName));
  if (given != inputs.options.build_args.end()) {
    value = given->second;
  } else {
    value = inputs.global.values().find(kName).value_or("");
  }
  if (value.empty()) {
    return std::nullopt;
  }
  std::string_view digits = value;
  digits.remove_prefix(digits.starts_with('+') ? 1 : 0);
  if (auto seconds = base::parse_integer<std::int64_t>(digits)) {
    return *seconds;
  }
  auto source = find_source(inputs, value);
  if (!source) {
    return std::unexpected(std::move(source.error()));
  }
  if (!*source) {
    return std::nullopt;
  }
  auto time = resolver_outcome([&] { return resolver.source_time(**source, std::move(stop)); });
  if (!time) {
    PlanFailure problem;
    problem.message = cat("SOURCE_DATE_EPOCH=", value, ": ", time.error().message());
    problem.kind = time.error().kind();
    problem.notes = time.error().notes();
    problem.hint = time.error().hint();
    return std::unexpected(std::move(problem));
  }
  return *time;
}

void settle_source_date_epoch(std::optional<std::int64_t> epoch,
                              std::map<std::string, std::string>& build_args, GlobalScope& global) {
  auto given = build_args.find(std::string(kName));
  if (given != build_args.end()) {
    if (epoch) {
      given->second = cat(*epoch);
    } else {
      build_args.erase(given);
    }
  }
  parser::VariableList& values = global.arguments.values;
  if (!values.find(kName)) {
    return;
  }
  if (epoch) {
    values.set(kName, cat(*epoch));
  } else {
    values.erase(kName);
  }
}

}  // namespace slipway::builder
