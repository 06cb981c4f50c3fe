#include "builder/plan/step_choice.h"

#include <functional>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;

// More are not read by anybody.
constexpr std::size_t kListedMax = 40;

// What stands in the brackets; empty where there are none.
std::string_view label_of(std::string_view name) {
  std::size_t end = name.find(']');
  return name.starts_with('[') && end != std::string_view::npos ? name.substr(1, end - 1)
                                                                : std::string_view();
}

// "build 2/3" -> "build" and "2/3"; with a platform in front, that is part of the stage's words.
struct LabelParts {
  std::string_view stage;
  std::string_view place;   // "2/3"
  std::string_view number;  // "2"
};
LabelParts parts_of(std::string_view name) {
  std::string_view label = label_of(name);
  std::size_t space = label.rfind(' ');
  LabelParts parts;
  parts.place = space == std::string_view::npos ? label : label.substr(space + 1);
  std::string_view words =
      space == std::string_view::npos ? std::string_view() : base::trim(label.substr(0, space));
  std::size_t last = words.rfind(' ');
  parts.stage = last == std::string_view::npos ? words : words.substr(last + 1);
  parts.number = base::trim(parts.place.substr(0, parts.place.find('/')));
  return parts;
}

std::string_view without_brackets(std::string_view text) {
  return text.starts_with('[') && text.ends_with(']') ? text.substr(1, text.size() - 2) : text;
}

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

// The number of "Dockerfile:12" or ":12".
std::optional<int> line_of(std::string_view text, std::string_view file) {
  std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view name = text.substr(0, colon);
  bool is_file = name.empty() || name == file || name == base_name(file);
  return is_file ? base::parse_integer<int>(text.substr(colon + 1)) : std::nullopt;
}

bool has_line(const StepLabel& step, int line) {
  for (const SourceLines& range : step.lines) {
    if (range.first <= line && line <= range.last) {
      return true;
    }
  }
  return false;
}

std::string list_of(const std::vector<StepLabel>& steps, const std::vector<std::size_t>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size() && i < kListedMax; ++i) {
    const StepLabel& step = steps[numbers[i]];
    text += cat("\n    ", step.name.substr(0, step.name.find('\n')));
    if (!step.lines.empty()) {
      text += cat("  (line ", step.lines.back().first, ")");
    }
  }
  return numbers.size() > kListedMax ? cat(text, "\n    and ", numbers.size() - kListedMax, " more")
                                     : text;
}

}  // namespace

std::vector<std::size_t> find_steps(const std::vector<StepLabel>& steps, std::string_view text,
                                    std::string_view file) {
  std::string_view label = without_brackets(base::trim(text));
  std::optional<int> line = line_of(label, file);
  auto stage = base::split_once(label, ':');
  using Matches = std::function<bool(const StepLabel&)>;
  const Matches kinds[] = {
      [&](const StepLabel& step) { return step.name == text || label_of(step.name) == label; },
      [&](const StepLabel& step) { return line && has_line(step, *line); },
      [&](const StepLabel& step) {
        LabelParts parts = parts_of(step.name);
        return stage && parts.stage == stage->before && parts.number == stage->after;
      },
      [&](const StepLabel& step) { return parts_of(step.name).place == label; },
      [&](const StepLabel& step) { return parts_of(step.name).number == label; },
      [&](const StepLabel& step) { return step.name.find(text) != std::string::npos; },
  };
  std::vector<std::size_t> found;
  if (label.empty()) {
    return found;
  }
  for (const Matches& matches : kinds) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (matches(steps[i])) {
        found.push_back(i);
      }
    }
    if (!found.empty()) {
      break;
    }
  }
  return found;
}

std::size_t get_step(const std::vector<StepLabel>& steps, std::string_view text,
                     std::string_view file, std::string_view flag) {
  std::vector<std::size_t> found = find_steps(steps, text, file);
  if (found.size() == 1) {
    return found.front();
  }
  if (!found.empty()) {
    base::fail(base::ErrorKind::kUsage,
               cat(flag, " ", base::quote(text), " can mean several steps:", list_of(steps, found)),
               "name one by what stands in its brackets, or by its line");
  }
  std::vector<std::size_t> all(steps.size());
  std::iota(all.begin(), all.end(), 0U);
  base::fail(base::ErrorKind::kUsage, cat(flag, " ", base::quote(text), ": there is no such step",
                                          all.empty() ? "" : "; there are:", list_of(steps, all)));
}

}  // namespace slipway::builder
