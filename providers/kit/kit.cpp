// SPDX-License-Identifier: Apache-2.0
#include "kit/kit.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace wif::kit {
namespace {

constexpr std::size_t k_limit = std::size_t{1} << 20;
constexpr std::size_t k_usual_size = 4096;

tl::unexpected<Failure> cannot_open(const std::string& path, int error) {
  if (error == ENOENT || error == ENOTDIR)
    return fail(
        WIF_NO_IDENTITY, "there is no token file " + path,
        "mount a projected token volume (serviceAccountToken) there, or set subject.path to where the token is");
  if (error == EACCES || error == EPERM)
    return fail(WIF_NO_IDENTITY, "not allowed to read the token file " + path + ": " + errno_text(error),
                "run as the user it was mounted for, or set fsGroup in the pod's securityContext");
  return fail(WIF_NO_IDENTITY, "cannot open the token file " + path + ": " + errno_text(error));
}

tl::unexpected<Failure> cannot_read(const std::string& path, int error) {
  if (error == EISDIR)
    return fail(WIF_CONFIGURATION, path + " is a folder, not a token file",
                "name the file in it, as in " + path + (path.ends_with('/') ? "token" : "/token"));
  if (error == EFBIG)
    return fail(WIF_NO_IDENTITY, "the token file " + path + " is larger than 1 MiB, so it holds no token",
                "check that subject.path names the token");
  return fail(WIF_NO_IDENTITY, "cannot read the token file " + path + ": " + errno_text(error));
}

}  // namespace

std::optional<std::string_view> Host::setting(const char* name) const {
  const char* value = m_host->setting(m_call, name);
  if (value == nullptr) return {};
  return value;
}

Result<std::string> Host::required_setting(const char* name) const {
  const auto value = setting(name);
  if (value && !value->empty()) return std::string(*value);
  const std::string key = std::string("subject.") + name;
  return fail(WIF_CONFIGURATION, key + " is not set",
              "set it in the profile, or pass --set " + key + "=…; `wif providers` tells what it is");
}

Result<std::string> Host::audience() const {
  auto said = required_setting("audience");
  if (!said)
    said.error().hint =
        "set it to what the exchange's server wants tokens to be for: a token for OpenAI, the usual one, isn't asked for "
        "another server";
  return said;
}

std::optional<std::string_view> Host::environment(const char* name) const {
  const char* value = m_host->environment(m_call, name);
  if (value == nullptr) return {};
  return value;
}

char* Host::secret_memory(std::size_t size) const {
  void* memory = m_host->secret_alloc(m_call, size);
  if (memory == nullptr) throw std::bad_alloc();
  return static_cast<char*>(memory);
}

std::string_view Host::secret_copy(std::string_view text) const {
  char* memory = secret_memory(text.size() + 1);
  std::copy(text.begin(), text.end(), memory);
  return {memory, text.size()};
}

std::int32_t Host::report(const Failure& failure) const {
  return m_host->fail(m_call, failure.status, failure.message.c_str(),
                      failure.hint.empty() ? nullptr : failure.hint.c_str());
}

Fd open_file(const std::string& path, int flags) {
  return Fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags));
}

tl::expected<std::string_view, int> read_secret_file(const Host& host, const Fd& file, std::size_t limit) {
  struct stat status = {};
  if (fstat(file.get(), &status) != 0) return tl::unexpected(errno);
  if (S_ISREG(status.st_mode) && status.st_size > static_cast<off_t>(limit)) return tl::unexpected(EFBIG);
  std::size_t capacity =
      std::clamp<std::size_t>(static_cast<std::size_t>(std::max<off_t>(status.st_size, 0)) + 1,
                              std::min(k_usual_size, limit + 1), limit + 1);
  char* memory = host.secret_memory(capacity);
  std::size_t size = 0;
  for (;;) {
    if (size == capacity) {  // it grew, or the kernel doesn't know the size
      capacity = std::min(capacity * 2, limit + 1);
      char* larger = host.secret_memory(capacity);
      std::memcpy(larger, memory, size);
      memory = larger;
    }
    const ssize_t count = read(file.get(), memory + size, capacity - size);
    if (count < 0 && errno == EINTR) continue;
    // A pipe's writer is there, and is waited for; the host keeps the deadline.
    if (count < 0 && errno == EAGAIN && fcntl(file.get(), F_SETFL, 0) == 0) continue;
    if (count < 0) return tl::unexpected(errno);
    if (count == 0) return std::string_view(memory, size);
    size += static_cast<std::size_t>(count);
    if (size > limit) return tl::unexpected(EFBIG);
  }
}

Result<std::string_view> read_token_file(const Host& host, const std::string& path) {
  const Fd file = open_file(path);
  if (!file) return cannot_open(path, errno);
  const auto text = read_secret_file(host, file, k_limit);
  if (!text) return cannot_read(path, text.error());
  const std::string_view token = trim(*text);
  if (!token.empty()) return token;
  return fail(WIF_NO_IDENTITY, "the token file " + path + " is empty",
              "whatever writes it has not done so yet, or failed: look at its log");
}

}  // namespace wif::kit
