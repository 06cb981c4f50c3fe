#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/time.h"
#include "registry/oci/descriptor.h"

// Members that several documents share. Only for the .cc files of this closet; each reader takes
// the default where the member is absent or null and throws kInput naming `what` and the member
// where it is something else.
namespace slipway::registry::json_fields {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

// Null where absent.
const Json& member(const Json& object, std::string_view name);
void require_object(const Json& value, std::string_view what);

std::optional<std::vector<std::string>> find_texts(const Json& object, std::string_view name,
                                                   std::string_view what);
std::vector<std::string> texts(const Json& object, std::string_view name, std::string_view what);
std::map<std::string, std::string> text_map(const Json& object, std::string_view name,
                                            std::string_view what);
// {"80/tcp": {}}: only the keys mean something.
std::set<std::string> key_set(const Json& object, std::string_view name, std::string_view what);
std::optional<base::Timestamp> time(const Json& object, std::string_view name,
                                    std::string_view what);

Platform platform(const Json& object, std::string_view what);
Descriptor descriptor(const Json& value, std::string_view what);
std::optional<Descriptor> find_descriptor(const Json& object, std::string_view name,
                                          std::string_view what);
// At most kManifestEntriesMax.
std::vector<Descriptor> descriptors(const Json& object, std::string_view name,
                                    std::string_view what);

// Writers: nothing is added for an empty value.
void put(OrderedJson& object, const char* name, const std::string& text);
void put(OrderedJson& object, const char* name, const std::vector<std::string>& texts);
void put(OrderedJson& object, const char* name, const std::map<std::string, std::string>& map);
void put(OrderedJson& object, const char* name, const std::set<std::string>& keys);
void put(OrderedJson& object, const char* name, const std::optional<base::Timestamp>& time);
void put(OrderedJson& object, const char* name, std::int64_t number);
void put(OrderedJson& object, const Platform& platform);
OrderedJson to_json(const Descriptor& descriptor);

// Invalid UTF-8 is replaced. `indentation` -1: one line.
std::string dump(const OrderedJson& value, int indentation);

}  // namespace slipway::registry::json_fields
