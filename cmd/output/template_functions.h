#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

// What templates can compute; for the .cc files beside it.

namespace slipway::cmd {

using TemplateValue = nlohmann::ordered_json;

// kUsage (naming `source`) for an unknown function, too few or too many operands or wrong ones.
TemplateValue call_template_function(const std::string& name,
                                     const std::vector<TemplateValue>& operands,
                                     std::string_view source);

// As Go prints it: "text", "[a b]", "map[key:value]", "<no value>".
std::string template_text_of(const TemplateValue& value);
// False for nothing, false, 0 and what is empty.
bool is_true(const TemplateValue& value);

}  // namespace slipway::cmd
