#include "tests/support/corpora.h"

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace slipway::tests {

namespace {

bool is_directory(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

std::optional<std::string> find_corpora() {
  if (const char* named = std::getenv("SLIPWAY_CORPORA"); named != nullptr && *named != '\0') {
    EXPECT_TRUE(is_directory(named)) << "SLIPWAY_CORPORA names no folder: " << named;
    return named;
  }
  const char* source = std::getenv("SLIPWAY_SOURCE");
  std::string beside = std::string(source == nullptr ? "." : source) + "/../shared/corpora";
  if (is_directory(beside)) {
    return beside;
  }
  return std::nullopt;
}

std::optional<std::string> find_corpus_file(const std::string& file, std::string& why) {
  std::optional<std::string> corpora = find_corpora();
  struct stat status{};
  if (!corpora) {
    why = "NO CORPORA: set SLIPWAY_CORPORA to run " + file;
    return std::nullopt;
  }
  std::string path = *corpora + "/" + file;
  if (::stat(path.c_str(), &status) != 0) {
    why = *corpora + " has no " + file;
    return std::nullopt;
  }
  return path;
}

std::string read_text_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << "can't read " << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace slipway::tests
