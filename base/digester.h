#pragma once

#include <memory>
#include <string_view>

#include "base/digest.h"
#include "base/stream.h"

// Hashing by whichever algorithm a digest names. What we make ourselves is named by SHA-256
// (digest.h); this is for content that others have named.

namespace slipway::base {

// "sha256", "sha384" or "sha512" through OpenSSL's EVP. One thread at a time.
class Digester {
 public:
  // Precondition: an algorithm that Digest knows (kInternal for others).
  explicit Digester(std::string_view algorithm);
  ~Digester();
  Digester(Digester&&) noexcept;
  Digester& operator=(Digester&&) noexcept;

  void update(std::string_view bytes);
  // Exactly once.
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The digest of `bytes` by the algorithm of `like`: what it has to be to be `like`.
Digest digest_like(const Digest& like, std::string_view bytes);

// Passes bytes on and throws kIntegrity at their end if they are not `expected`'s.
class DigestSource : public Source {
 public:
  DigestSource(std::unique_ptr<Source> next, Digest expected, std::string object);
  std::size_t read(std::span<char> bytes) override;

 private:
  std::unique_ptr<Source> next_;
  Digest expected_;
  std::string object_;
  Digester digester_;
  bool is_done_ = false;
};

}  // namespace slipway::base
