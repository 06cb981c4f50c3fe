#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/time.h"
#include "registry/http/transport.h"

namespace slipway::registry {

// Waiting, so that tests need not.
class Pause {
 public:
  virtual ~Pause() = default;
  // Throws kCancelled on a stop.
  virtual void wait(std::int64_t duration_ms, std::stop_token stop) = 0;
};
class SystemPause : public Pause {
 public:
  void wait(std::int64_t duration_ms, std::stop_token stop) override;
};

struct RetryPolicy {
  int attempts_max = 5;
  std::int64_t first_wait_ms = 1'000;  // doubled each time
  std::int64_t wait_max_ms = 30'000;
  // A server that asks for more patience than this is told off with its own answer.
  std::int64_t retry_after_max_ms = 120'000;
};

// 408, 429, 500, 502, 503, 504 and what proxies send for the same (499, 522): trying again may
// help.
bool is_worth_retrying(int status);

// Retry-After: seconds or an HTTP date; a date in the past or nonsense is nothing.
std::optional<std::int64_t> retry_after_ms(const Headers& headers, base::Timestamp now);

// Before try number `attempt` (the second is 1): doubled waits with up to a tenth more, so that
// many clients don't come back at once. `random` is anything in [0, 1).
std::int64_t backoff_ms(const RetryPolicy& policy, int attempt, double random);

// What a retry is about, for people: "503 from https://…", "connection refused …".
struct RetryNotice {
  std::string why;
  std::int64_t wait_ms = 0;
};

// Sends, follows redirects, and tries again as the policy says. Safe from many threads.
class Sender {
 public:
  // All are owned by the caller and outlive this. `on_retry` may be empty.
  Sender(Transport& transport, const base::Clock& clock, Pause& pause, RetryPolicy policy,
         std::function<void(const RetryNotice&)> on_retry)
      : transport_(&transport),
        clock_(&clock),
        pause_(&pause),
        policy_(policy),
        on_retry_(std::move(on_retry)) {}

  // The answer, whatever its status: after the last try that of the last try. Throws what the
  // transport throws in the last try. `request` becomes the one that was answered. Only failures
  // that may pass are tried again: a name that does not exist or a bad certificate is final.
  Response send(Request& request, std::stop_token stop);

  // The same without a second try.
  Response send_once(Request& request, std::stop_token stop);

  // Waits before try number `attempt` and tells why.
  void wait(int attempt, std::optional<std::int64_t> wanted_ms, std::string why,
            std::stop_token stop);
  int attempts_max() const { return policy_.attempts_max; }
  const base::Clock& clock() const { return *clock_; }

 private:
  Transport* transport_;
  const base::Clock* clock_;
  Pause* pause_;
  RetryPolicy policy_;
  std::function<void(const RetryNotice&)> on_retry_;
};

}  // namespace slipway::registry
