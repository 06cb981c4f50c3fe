#include "cmd/output/template_functions.h"

#include <algorithm>
#include <compare>
#include <cstddef>
#include <limits>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cmd/output/units.h"
#include "parser/suggest.h"

namespace slipway::cmd {

namespace {

using base::cat;
using Operands = std::vector<TemplateValue>;

[[noreturn]] void fail_call(std::string_view source, const std::string& why) {
  base::fail(base::ErrorKind::kUsage, cat("template ", base::quote(source), ": ", why));
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return text;
}

std::string title(std::string text) {
  bool starts = true;
  for (char& c : text) {
    if (starts && c >= 'a' && c <= 'z') {
      c = static_cast<char>(c - 32);
    }
    starts = c == ' ' || c == '-' || c == '\t';
  }
  return text;
}

std::strong_ordering compare(const TemplateValue& left, const TemplateValue& right,
                             std::string_view source) {
  if (left.is_number() && right.is_number()) {
    double a = left.get<double>();
    double b = right.get<double>();
    return a < b ? std::strong_ordering::less
                 : (a > b ? std::strong_ordering::greater : std::strong_ordering::equal);
  }
  if (left.is_string() && right.is_string()) {
    return left.get_ref<const std::string&>() <=> right.get_ref<const std::string&>();
  }
  fail_call(source, "only two texts or two numbers can be compared");
}

TemplateValue index(const Operands& operands, std::string_view source) {
  TemplateValue value = operands.front();
  for (std::size_t i = 1; i < operands.size(); ++i) {
    const TemplateValue& key = operands[i];
    if (value.is_object() && key.is_string()) {
      auto found = value.find(key.get_ref<const std::string&>());
      value = found == value.end() ? TemplateValue("") : TemplateValue(*found);
    } else if (value.is_array() && key.is_number_integer()) {
      std::int64_t place = key.get<std::int64_t>();
      if (place < 0 || static_cast<std::size_t>(place) >= value.size()) {
        fail_call(source, cat("index ", place, " of a list of ", value.size()));
      }
      value = TemplateValue(value[static_cast<std::size_t>(place)]);
    } else {
      fail_call(source, "index takes a list and a number, or a map and a text");
    }
  }
  return value;
}

// %s %v %d %q %%, with a width and '-'.
std::string formatted(const Operands& operands, std::string_view source) {
  std::string format = template_text_of(operands.front());
  std::string text;
  std::size_t next = 1;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      text += format[i];
      continue;
    }
    std::size_t end = format.find_first_not_of("-0123456789", i + 1);
    std::string flags = format.substr(i + 1, std::min(end, format.size()) - i - 1);
    char verb = end < format.size() ? format[end] : '%';
    i = std::min(end, format.size());
    if (verb == '%') {
      text += '%';
      continue;
    }
    if (std::string_view("svdq").find(verb) == std::string_view::npos || next >= operands.size()) {
      fail_call(source, cat("printf: %", flags, verb,
                            next >= operands.size() ? " without a value" : " is unknown"));
    }
    std::string piece = template_text_of(operands[next++]);
    piece = verb == 'q' ? base::quote(piece) : piece;
    bool left = flags.starts_with('-');
    std::size_t width = base::parse_integer<std::uint16_t>(flags.substr(left ? 1 : 0)).value_or(0);
    std::string fill(width - std::min(width, character_count(piece)), ' ');
    text += left ? piece + fill : fill + piece;
  }
  return text;
}

std::string joined_text(const Operands& operands, std::string_view separator) {
  std::vector<std::string> pieces;
  for (const TemplateValue& operand : operands) {
    pieces.push_back(template_text_of(operand));
  }
  return base::join(pieces, separator);
}

std::size_t count_of(const TemplateValue& value, std::string_view source) {
  std::int64_t count = value.is_number_integer() ? value.get<std::int64_t>() : -1;
  if (count < 0 || count > std::numeric_limits<std::uint16_t>::max()) {
    fail_call(source, "a number from 0 to 65535 is wanted");
  }
  return static_cast<std::size_t>(count);
}

TemplateValue join(const Operands& operands, std::string_view source) {
  if (!operands[0].is_array() && !operands[0].is_null()) {
    fail_call(source, "join takes a list and a separator");
  }
  Operands items(operands[0].begin(), operands[0].end());
  return joined_text(items, template_text_of(operands[1]));
}

TemplateValue split(const Operands& operands) {
  std::string text = template_text_of(operands[0]);
  std::string separator = template_text_of(operands[1]);
  TemplateValue pieces = TemplateValue::array();
  std::size_t start = 0;
  while (!separator.empty()) {
    std::size_t end = text.find(separator, start);
    if (end == std::string::npos) {
      break;
    }
    pieces.push_back(text.substr(start, end - start));
    start = end + separator.size();
  }
  pieces.push_back(text.substr(start));
  return pieces;
}

TemplateValue length(const TemplateValue& value, std::string_view source) {
  if (value.is_string()) {
    return value.get_ref<const std::string&>().size();
  }
  if (value.is_structured() || value.is_null()) {
    return value.size();
  }
  fail_call(source, "len takes a text, a list or a map");
}

TemplateValue truncate(const Operands& operands, std::string_view source) {
  std::string text = template_text_of(operands[0]);
  return text.substr(0, count_of(operands[1], source));
}

TemplateValue pad(const Operands& operands, std::string_view source) {
  return cat(std::string(count_of(operands[1], source), ' '), template_text_of(operands[0]),
             std::string(count_of(operands[2], source), ' '));
}

TemplateValue first_that(const Operands& operands, bool wanted) {
  auto found = std::find_if(operands.begin(), operands.end(),
                            [&](const TemplateValue& value) { return is_true(value) == wanted; });
  return found == operands.end() ? operands.back() : *found;
}

TemplateValue equals_any(const Operands& operands) {
  return std::find(operands.begin() + 1, operands.end(), operands.front()) != operands.end();
}

struct Function {
  std::string_view name;
  std::size_t least;
  std::size_t most;
  TemplateValue (*call)(const Operands& operands, std::string_view source);
};

constexpr std::size_t kAny = 64;
const Function kFunctions[] = {
    {"and", 1, kAny, [](const Operands& o, std::string_view) { return first_that(o, false); }},
    {"or", 1, kAny, [](const Operands& o, std::string_view) { return first_that(o, true); }},
    {"not", 1, 1,
     [](const Operands& o, std::string_view) { return TemplateValue(!is_true(o[0])); }},
    {"eq", 2, kAny, [](const Operands& o, std::string_view) { return equals_any(o); }},
    {"ne", 2, 2, [](const Operands& o, std::string_view) { return TemplateValue(o[0] != o[1]); }},
    {"lt", 2, 2,
     [](const Operands& o, std::string_view s) {
       return TemplateValue(compare(o[0], o[1], s) < 0);
     }},
    {"le", 2, 2,
     [](const Operands& o, std::string_view s) {
       return TemplateValue(compare(o[0], o[1], s) <= 0);
     }},
    {"gt", 2, 2,
     [](const Operands& o, std::string_view s) {
       return TemplateValue(compare(o[0], o[1], s) > 0);
     }},
    {"ge", 2, 2,
     [](const Operands& o, std::string_view s) {
       return TemplateValue(compare(o[0], o[1], s) >= 0);
     }},
    {"len", 1, 1, [](const Operands& o, std::string_view s) { return length(o[0], s); }},
    {"index", 1, kAny, index},
    {"print", 0, kAny,
     [](const Operands& o, std::string_view) { return TemplateValue(joined_text(o, "")); }},
    {"println", 0, kAny,
     [](const Operands& o, std::string_view) { return TemplateValue(joined_text(o, " ") + "\n"); }},
    {"printf", 1, kAny,
     [](const Operands& o, std::string_view s) { return TemplateValue(formatted(o, s)); }},
    {"json", 1, 1,
     [](const Operands& o, std::string_view) {
       return TemplateValue(
           o[0].dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
     }},
    {"join", 2, 2, join},
    {"split", 2, 2, [](const Operands& o, std::string_view) { return split(o); }},
    {"lower", 1, 1,
     [](const Operands& o, std::string_view) {
       return TemplateValue(base::to_lower_ascii(template_text_of(o[0])));
     }},
    {"upper", 1, 1,
     [](const Operands& o, std::string_view) {
       return TemplateValue(upper(template_text_of(o[0])));
     }},
    {"title", 1, 1,
     [](const Operands& o, std::string_view) {
       return TemplateValue(title(template_text_of(o[0])));
     }},
    {"pad", 3, 3, pad},
    {"truncate", 2, 2, truncate},
};

}  // namespace

TemplateValue call_template_function(const std::string& name, const Operands& operands,
                                     std::string_view source) {
  std::vector<std::string_view> names;
  for (const Function& function : kFunctions) {
    names.push_back(function.name);
    if (function.name != name) {
      continue;
    }
    if (operands.size() < function.least || operands.size() > function.most) {
      fail_call(source, cat(name, " got ", operands.size(), " values; it takes ", function.least,
                            function.most > function.least ? " or more" : ""));
    }
    return function.call(operands, source);
  }
  fail_call(source, cat("function ", base::quote(name), " is not defined",
                        parser::did_you_mean(name, std::span<const std::string_view>(names))));
}

std::string template_text_of(const TemplateValue& value) {
  if (value.is_null()) {
    return "<no value>";
  }
  if (value.is_string()) {
    return value.get<std::string>();
  }
  if (!value.is_structured()) {
    return value.dump();
  }
  std::vector<std::string> pieces;
  for (const auto& [key, item] : value.items()) {
    pieces.push_back(value.is_object() ? cat(key, ":", template_text_of(item))
                                       : template_text_of(item));
  }
  return cat(value.is_object() ? "map[" : "[", base::join(pieces, " "), "]");
}

bool is_true(const TemplateValue& value) {
  if (value.is_boolean()) {
    return value.get<bool>();
  }
  if (value.is_number()) {
    return value != TemplateValue(0);
  }
  if (value.is_string()) {
    return !value.get_ref<const std::string&>().empty();
  }
  return !value.empty();
}

}  // namespace slipway::cmd
