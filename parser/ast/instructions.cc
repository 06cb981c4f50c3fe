#include "parser/ast/instructions.h"

#include <array>

#include "parser/durations.h"
#include "parser/quoting.h"

namespace slipway::parser {

const InstructionBase& base_of(const Instruction& instruction) {
  return std::visit([](const auto& one) -> const InstructionBase& { return one; }, instruction);
}

std::string_view name_of(const Instruction& instruction) {
  // In the order of the variant.
  static constexpr std::array<std::string_view, std::variant_size_v<Instruction>> kNames{
      "ADD",    "ARG",         "CMD",   "COPY",       "ENTRYPOINT", "ENV",
      "EXPOSE", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD",    "RUN",
      "SHELL",  "STOPSIGNAL",  "USER",  "VOLUME",     "WORKDIR"};
  return kNames[instruction.index()];
}

std::string find_description(const std::vector<std::string>& comments, std::string_view name) {
  if (name.empty()) {
    return {};
  }
  for (std::string_view comment : comments) {
    if (comment.size() > name.size() && comment.starts_with(name) && comment[name.size()] == ' ') {
      return std::string(comment.substr(name.size() + 1));
    }
  }
  return {};
}

std::string healthcheck_text(const Healthcheck& healthcheck) {
  return "{Test:" + bracket_list(healthcheck.test) +
         " Interval:" + format_duration(healthcheck.interval_ns) +
         " Timeout:" + format_duration(healthcheck.timeout_ns) +
         " StartPeriod:" + format_duration(healthcheck.start_period_ns) +
         " StartInterval:" + format_duration(healthcheck.start_interval_ns) +
         " Retries:" + std::to_string(healthcheck.retries) + "}";
}

}  // namespace slipway::parser
