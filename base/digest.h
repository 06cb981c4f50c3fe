#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/stream.h"

namespace slipway::base {

// The digest of bytes: "sha256:" and 64 lower-case hexadecimal digits. Others may name content by
// sha384 and sha512, which digester.h computes; what we name ourselves is named by SHA-256.
class Digest {
 public:
  // The errors are the field's: "invalid reference format", "unsupported digest algorithm",
  // "invalid checksum digest length", "invalid checksum digest format".
  static std::expected<Digest, std::string> parse(std::string_view text);
  // Precondition: 64 lower-case hexadecimal digits (asserted).
  static Digest from_sha256_hex(std::string_view hex);

  // Precondition: 32 bytes (asserted).
  static Digest from_sha256_raw(std::string_view bytes);

  std::string text() const;
  std::string_view algorithm() const;
  std::string hex() const;
  bool is_sha256() const { return other_ == nullptr; }
  // Precondition: is_sha256() (asserted). Lives as long as this.
  std::string_view sha256_raw() const;

  friend bool operator==(const Digest& left, const Digest& right);
  // The order of their texts.
  friend std::strong_ordering operator<=>(const Digest& left, const Digest& right);

 private:
  Digest() = default;
  std::array<char, 32> sha256_{};
  // The text of one that is no SHA-256. Those come in ones, the others by the hundred thousand.
  std::shared_ptr<const std::string> other_;
};

// Digests that must not be mixed up: using DiffId = TypedDigest<struct DiffIdTag>. The conversions
// are explicit.
template <typename Tag>
class TypedDigest {
 public:
  explicit TypedDigest(Digest digest) : digest_(std::move(digest)) {}
  const Digest& digest() const { return digest_; }
  std::string text() const { return digest_.text(); }
  std::string hex() const { return digest_.hex(); }
  friend bool operator==(const TypedDigest&, const TypedDigest&) = default;
  friend auto operator<=>(const TypedDigest&, const TypedDigest&) = default;

 private:
  Digest digest_;
};

// SHA-256 through OpenSSL's EVP with a context that is made once and reused: finish() leaves it
// ready for the next message. One thread at a time.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::string_view bytes);
  Digest finish();
  // The 32 raw bytes, for keys that are hashed again.
  std::string finish_raw();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Digest sha256_of(std::string_view bytes);

// Hashes and counts on the way to `next` (which may be null: hash only).
class HashingSink : public Sink {
 public:
  explicit HashingSink(Sink* next) : next_(next) {}
  void write(std::string_view bytes) override;
  void finish() override;
  // After finish().
  const Digest& digest() const { return digest_; }
  std::uint64_t size() const { return size_; }

 private:
  Sink* next_;  // owned by the caller
  Sha256 hash_;
  std::uint64_t size_ = 0;
  Digest digest_ = Digest::from_sha256_raw(std::string(32, '\0'));
};

// Checks size and digest while bytes pass: a mismatch throws kIntegrity at the read that would
// return the end (or that exceeds the size), so nobody acts on wrong content. `object` names it in
// the message. `size` may be unknown (negative).
class VerifyingSource : public Source {
 public:
  VerifyingSource(std::unique_ptr<Source> next, Digest expected, std::int64_t size,
                  std::string object);
  std::size_t read(std::span<char> bytes) override;

 private:
  std::unique_ptr<Source> next_;
  Digest expected_;
  std::int64_t size_;
  std::string object_;
  Sha256 hash_;
  std::int64_t seen_ = 0;
  bool done_ = false;
};

}  // namespace slipway::base

template <>
struct std::hash<slipway::base::Digest> {
  std::size_t operator()(const slipway::base::Digest& digest) const noexcept {
    return std::hash<std::string>()(digest.text());
  }
};
template <typename Tag>
struct std::hash<slipway::base::TypedDigest<Tag>> {
  std::size_t operator()(const slipway::base::TypedDigest<Tag>& digest) const noexcept {
    return std::hash<std::string>()(digest.text());
  }
};
