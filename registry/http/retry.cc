#include "registry/http/retry.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <random>

#include "base/stream.h"
#include "base/text.h"
#include "registry/http/attempt.h"
#include "registry/http/redirect.h"

namespace slipway::registry {

namespace {

double random_fraction() {
  std::random_device device;
  return static_cast<double>(device()) / (static_cast<double>(std::random_device::max()) + 1);
}

}  // namespace

void SystemPause::wait(std::int64_t duration_ms, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait_for(lock, stop, std::chrono::milliseconds(duration_ms), [] { return false; });
  base::throw_if_stopped(stop);
}

bool is_worth_retrying(int status) {
  switch (status) {
    case 408:
    case 429:
    case 499:
    case 500:
    case 502:
    case 503:
    case 504:
    case 522:
      return true;
    default:
      return false;
  }
}

std::optional<std::int64_t> retry_after_ms(const Headers& headers, base::Timestamp now) {
  std::optional<std::string_view> field = headers.find("Retry-After");
  if (!field) {
    return std::nullopt;
  }
  std::string_view value = base::trim(*field);
  constexpr std::uint32_t kSecondsMax = 1'000'000;
  if (auto seconds = base::parse_integer<std::uint32_t>(value)) {
    return std::int64_t{std::min(*seconds, kSecondsMax)} * 1000;
  }
  std::optional<base::Timestamp> date = base::parse_http_date(value);
  if (!date || *date <= now) {
    return std::nullopt;
  }
  return std::min<std::int64_t>(date->seconds - now.seconds, kSecondsMax) * 1000;
}

std::int64_t backoff_ms(const RetryPolicy& policy, int attempt, double random) {
  std::int64_t wait = policy.first_wait_ms;
  for (int i = 1; i < attempt && wait < policy.wait_max_ms; ++i) {
    wait *= 2;
  }
  wait = std::min(wait, policy.wait_max_ms);
  return wait + static_cast<std::int64_t>(static_cast<double>(wait) * 0.1 * random);
}

void Sender::wait(int attempt, std::optional<std::int64_t> wanted_ms, std::string why,
                  std::stop_token stop) {
  std::int64_t wait_ms = backoff_ms(policy_, attempt, random_fraction());
  if (wanted_ms) {
    wait_ms = std::max(wait_ms, *wanted_ms);
  }
  if (on_retry_) {
    on_retry_({.why = std::move(why), .wait_ms = wait_ms});
  }
  pause_->wait(wait_ms, stop);
}

Response Sender::send_once(Request& request, std::stop_token stop) {
  return send_following(*transport_, request, stop);
}

Response Sender::send(Request& request, std::stop_token stop) {
  const Request original = request;
  for (int tried = 1;; ++tried) {
    auto sent = attempt([&] { return send_following(*transport_, request, stop); });
    bool is_last = tried >= policy_.attempts_max;
    std::optional<std::int64_t> wanted_ms;
    std::string why;
    if (sent) {
      wanted_ms = retry_after_ms(sent->headers, clock_->now());
      is_last = is_last || wanted_ms.value_or(0) > policy_.retry_after_max_ms;
      if (is_last || !is_worth_retrying(sent->status)) {
        return *std::move(sent);
      }
      why = base::cat("status ", sent->status, " from ", request.url.display());
    } else {
      if (is_last || !sent.error().may_pass()) {
        sent.error().rethrow();
      }
      why = sent.error().message;
    }
    wait(tried, wanted_ms, std::move(why), stop);
    request = original;
  }
}

}  // namespace slipway::registry
