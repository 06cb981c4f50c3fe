#include "base/digester.h"

#include <openssl/evp.h>

#include "base/error.h"
#include "base/text.h"

namespace slipway::base {

namespace {

void expect_success(int result, std::string_view call) {
  if (result != 1) {
    fail(ErrorKind::kInternal, cat(call, " failed"));
  }
}

}  // namespace

struct Digester::State {
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context{EVP_MD_CTX_new()};
  std::string algorithm;
};

Digester::Digester(std::string_view algorithm) : state_(std::make_unique<State>()) {
  state_->algorithm = algorithm;
  const EVP_MD* method = algorithm == "sha256"   ? EVP_sha256()
                         : algorithm == "sha384" ? EVP_sha384()
                         : algorithm == "sha512" ? EVP_sha512()
                                                 : nullptr;
  if (method == nullptr) {
    fail(ErrorKind::kInternal, cat("no such digest algorithm: ", algorithm));
  }
  expect_success(EVP_DigestInit_ex2(state_->context.get(), method, nullptr), "EVP_DigestInit_ex2");
}

Digester::~Digester() = default;
Digester::Digester(Digester&&) noexcept = default;
Digester& Digester::operator=(Digester&&) noexcept = default;

void Digester::update(std::string_view bytes) {
  expect_success(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()),
                 "EVP_DigestUpdate");
}

Digest Digester::finish() {
  unsigned char raw[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  expect_success(EVP_DigestFinal_ex(state_->context.get(), raw, &length), "EVP_DigestFinal_ex");
  std::string_view bytes(reinterpret_cast<const char*>(raw), length);
  auto digest = Digest::parse(cat(state_->algorithm, ":", to_hex(bytes)));
  if (!digest) {
    fail(ErrorKind::kInternal, cat("a digest that is none: ", digest.error()));
  }
  return *std::move(digest);
}

Digest digest_like(const Digest& like, std::string_view bytes) {
  if (like.is_sha256()) {
    return sha256_of(bytes);
  }
  Digester digester(like.algorithm());
  digester.update(bytes);
  return digester.finish();
}

DigestSource::DigestSource(std::unique_ptr<Source> next, Digest expected, std::string object)
    : next_(std::move(next)),
      expected_(std::move(expected)),
      object_(std::move(object)),
      digester_(expected_.algorithm()) {}

std::size_t DigestSource::read(std::span<char> bytes) {
  if (is_done_) {
    return 0;
  }
  std::size_t count = next_->read(bytes);
  if (count > 0) {
    digester_.update({bytes.data(), count});
    return count;
  }
  is_done_ = true;
  if (Digest got = digester_.finish(); got != expected_) {
    fail(ErrorKind::kIntegrity,
         cat(object_, ": expected digest ", expected_.text(), ", got ", got.text()));
  }
  return 0;
}

}  // namespace slipway::base
