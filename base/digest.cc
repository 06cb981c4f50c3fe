#include "base/digest.h"

#include <algorithm>
#include <cassert>
#include <optional>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/digester.h"
#include "base/text.h"

namespace slipway::base {

namespace {

constexpr std::string_view kSha256 = "sha256";

std::optional<std::size_t> hex_length(std::string_view algorithm) {
  if (algorithm == kSha256) {
    return 64;
  }
  if (algorithm == "sha384") {
    return 96;
  }
  if (algorithm == "sha512") {
    return 128;
  }
  return std::nullopt;
}

void expect_success(int result, std::string_view call) {
  if (result != 1) {
    fail(ErrorKind::kInternal, cat(call, " failed"));
  }
}

const EVP_MD* fetch_sha256() {
#ifdef SLIPWAY_OWN_LIBCRYPTO
  // Not where libcurl uses the same copy: it goes by the machine's openssl.cnf, and reading that
  // would be three quarters of the time of the first digest.
  expect_success(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr), "OPENSSL_init_crypto");
#endif
  return EVP_MD_fetch(nullptr, "SHA256", nullptr);
}

// Fetched once: EVP_sha256() would look the implementation up at every EVP_DigestInit.
const EVP_MD* sha256_method() {
  static const EVP_MD* method = fetch_sha256();
  return method;
}

}  // namespace

std::expected<Digest, std::string> Digest::parse(std::string_view text) {
  auto pair = split_once(text, ':');
  if (!pair || pair->before.empty() || pair->after.empty()) {
    return std::unexpected("invalid checksum digest format");
  }
  std::optional<std::size_t> length = hex_length(pair->before);
  if (!length) {
    return std::unexpected("unsupported digest algorithm");
  }
  if (pair->after.size() != *length) {
    return std::unexpected("invalid checksum digest length");
  }
  if (pair->after.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
    return std::unexpected("invalid checksum digest format");
  }
  if (pair->before == kSha256) {
    return from_sha256_hex(pair->after);
  }
  Digest digest;
  digest.other_ = std::make_shared<const std::string>(text);
  return digest;
}

Digest Digest::from_sha256_hex(std::string_view hex) {
  assert(hex.size() == 64 && hex.find_first_not_of("0123456789abcdef") == std::string_view::npos);
  return from_sha256_raw(*base::from_hex(hex));
}

Digest Digest::from_sha256_raw(std::string_view bytes) {
  Digest digest;
  assert(bytes.size() == digest.sha256_.size());
  std::ranges::copy(bytes, digest.sha256_.begin());
  return digest;
}

std::string Digest::text() const {
  return is_sha256() ? cat(kSha256, ":", to_hex(sha256_raw())) : *other_;
}

std::string_view Digest::algorithm() const {
  return is_sha256() ? kSha256 : std::string_view(*other_).substr(0, other_->find(':'));
}

std::string Digest::hex() const {
  return is_sha256() ? to_hex(sha256_raw()) : other_->substr(other_->find(':') + 1);
}

std::string_view Digest::sha256_raw() const {
  assert(is_sha256());
  return {sha256_.data(), sha256_.size()};
}

bool operator==(const Digest& left, const Digest& right) {
  return (left <=> right) == 0;
}

std::strong_ordering operator<=>(const Digest& left, const Digest& right) {
  return left.is_sha256() && right.is_sha256() ? left.sha256_raw() <=> right.sha256_raw()
                                               : left.text() <=> right.text();
}

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { EVP_MD_CTX_free(context); }
  void start() {
    expect_success(EVP_DigestInit_ex2(context, sha256_method(), nullptr), "EVP_DigestInit_ex2");
  }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  state_->start();
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes) {
  expect_success(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()), "EVP_DigestUpdate");
}

std::string Sha256::finish_raw() {
  unsigned char raw[32];
  unsigned length = 0;
  expect_success(EVP_DigestFinal_ex(state_->context, raw, &length), "EVP_DigestFinal_ex");
  state_->start();
  return std::string(reinterpret_cast<const char*>(raw), length);
}

Digest Sha256::finish() {
  return Digest::from_sha256_raw(finish_raw());
}

Digest sha256_of(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

void HashingSink::write(std::string_view bytes) {
  hash_.update(bytes);
  size_ += bytes.size();
  if (next_ != nullptr) {
    next_->write(bytes);
  }
}

void HashingSink::finish() {
  digest_ = hash_.finish();
  if (next_ != nullptr) {
    next_->finish();
  }
}

VerifyingSource::VerifyingSource(std::unique_ptr<Source> next, Digest expected, std::int64_t size,
                                 std::string object)
    : next_(std::move(next)),
      expected_(std::move(expected)),
      size_(size),
      object_(std::move(object)) {
  // The size is checked here whatever the algorithm is: nobody reads more than was announced.
  if (!expected_.is_sha256()) {
    next_ = std::make_unique<DigestSource>(std::move(next_), expected_, object_);
  }
}

std::size_t VerifyingSource::read(std::span<char> bytes) {
  if (done_) {
    return 0;
  }
  std::size_t count = next_->read(bytes);
  seen_ += static_cast<std::int64_t>(count);
  if (size_ >= 0 && (seen_ > size_ || (count == 0 && seen_ != size_))) {
    fail(ErrorKind::kIntegrity,
         cat(object_, ": expected ", size_, " bytes, got ", seen_, count == 0 ? "" : " or more"));
  }
  if (count > 0) {
    if (expected_.is_sha256()) {
      hash_.update({bytes.data(), count});
    }
    return count;
  }
  done_ = true;
  if (!expected_.is_sha256()) {
    return 0;  // the source below has checked it
  }
  if (Digest got = hash_.finish(); got != expected_) {
    fail(ErrorKind::kIntegrity,
         cat(object_, ": expected digest ", expected_.text(), ", got ", got.text()));
  }
  return 0;
}

}  // namespace slipway::base
