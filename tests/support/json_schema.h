#pragma once

#include <string>
#include <vector>

namespace slipway::tests {

// What is wrong with a JSON document by the schema in a file of the folder:
// "/layers/0/size: is too small". Empty if it is valid.
//
// As much of JSON Schema (draft 4) as the image-spec's schemas use: type, enum, pattern, minimum,
// maximum, properties, patternProperties, required, items, minItems, oneOf, and $ref to a file of
// the folder or a place in it. A keyword that is not known here is a problem, not a pass.
std::vector<std::string> schema_problems(const std::string& folder, const std::string& file,
                                         const std::string& document);

}  // namespace slipway::tests
