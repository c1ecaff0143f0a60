// SPDX-License-Identifier: Apache-2.0
#include "core/audit.hpp"

#include <cerrno>
#include <climits>
#include <cstring>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/encode.hpp"
#include "util/fd.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr const char* k_syslog_socket = "/dev/log";
constexpr const char* k_priority = "<86>";  // authpriv (10), informational (6)
constexpr std::size_t k_longest_path = 500;

// Empty where it may not be looked at, as of another user's process.
std::string executable_of(const std::string& process) {
  std::string path(PATH_MAX, '\0');
  const ssize_t length = readlink(("/proc/" + process + "/exe").c_str(), path.data(), path.size());
  path.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
  return printable(path, k_longest_path);
}

tl::unexpected<Error> not_written(const std::string& place, int error) {
  return fail(Category::configuration,
              "nothing was written to the audit log " + place + ": " + errno_text(error));
}

// Neither a link, which somebody else may have put there, nor a pipe that nobody reads.
Status append(const std::string& path, const std::string& line) {
  const Fd fd(open(path.c_str(),
                   O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600));
  if (!fd) return not_written(path, errno);
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return not_written(path, errno);
  if (!S_ISREG(info.st_mode)) return not_written(path, EINVAL);
  if (const int error = write_all(fd.get(), line + "\n"); error != 0) return not_written(path, error);
  return {};
}

}  // namespace

std::string audit_line(const System& system, const AuditEvent& event) {
  const std::string parent = std::to_string(getppid());
  JsonWriter writer;
  writer.object().member("time", std::string_view(rfc3339(system.now().wall)));
  writer.member("profile", event.profile).member("outcome", event.outcome);
  writer.member("uid", static_cast<std::int64_t>(getuid()));
  writer.member("pid", static_cast<std::int64_t>(getpid()));
  writer.member("executable", std::string_view(executable_of("self")));
  writer.member("parent_pid", static_cast<std::int64_t>(getppid()));
  writer.member("parent_executable", std::string_view(executable_of(parent))).end();
  return writer.take();
}

Status send_syslog(const std::string& path, const std::string& line) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return not_written(path, ENAMETOOLONG);
  memcpy(address.sun_path, path.c_str(), path.size() + 1);
  // A daemon that doesn't read must not hold the answer back.
  const Fd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return not_written(path, errno);
  const std::string text = k_priority + ("wif[" + std::to_string(getpid()) + "]: ") + line;
  if (sendto(fd.get(), text.data(), text.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
             sizeof address) < 0)
    return not_written(path, errno);
  return {};
}

Status write_audit(const System& system, std::string_view place, const AuditEvent& event) {
  const std::string line = audit_line(system, event);
  return place == k_syslog ? send_syslog(k_syslog_socket, line) : append(std::string(place), line);
}

}  // namespace wif
