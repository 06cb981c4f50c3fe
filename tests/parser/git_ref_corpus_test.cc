#include <nlohmann/json.hpp>

#include "parser/git_ref.h"
#include "tests/support/json_corpus.h"

namespace slipway::tests {
namespace {

using nlohmann::json;

// Empty and absent members are left out, as in the corpus.
json reference_json(const parser::GitReference& reference) {
  json out = json::object();
  const std::pair<const char*, std::string> texts[] = {
      {"Remote", reference.remote}, {"ShortName", reference.short_name},
      {"Ref", reference.ref},       {"Checksum", reference.checksum},
      {"SubDir", reference.subdir}, {"MTime", reference.mtime}};
  for (const auto& [key, value] : texts) {
    if (!value.empty()) {
      out[key] = value;
    }
  }
  const std::pair<const char*, std::optional<bool>> flags[] = {
      {"UnencryptedTCP", reference.unencrypted},
      {"IndistinguishableFromLocal", reference.indistinguishable_from_local},
      {"KeepGitDir", reference.keep_git_dir},
      {"Submodules", reference.submodules},
      {"FetchByCommit", reference.fetch_by_commit}};
  for (const auto& [key, value] : flags) {
    bool said = value && (*value || key == std::string("Submodules"));
    if (said) {
      out[key] = *value;
    }
  }
  return out;
}

std::optional<std::string> check_case(const json& one) {
  auto result = parser::parse_git_reference(one.at("ref").get<std::string>());
  if (auto problem = compare("is_git", one.at("is_git"), result.is_git)) {
    return problem;
  }
  if (one.contains("error")) {
    if (result.reference) {
      return "expected an error";
    }
    return one["error"].is_string() ? compare("error", one["error"], result.error) : std::nullopt;
  }
  if (!result.reference) {
    return "unexpected error: " + result.error;
  }
  return compare("expect", one.at("expect"), reference_json(*result.reference));
}

TEST(GitRefCorpus, References) {
  run_corpus("git-ref.json", check_case);
}

}  // namespace
}  // namespace slipway::tests
