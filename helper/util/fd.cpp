// SPDX-License-Identifier: Apache-2.0
#include "util/fd.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/secret.hpp"

namespace wif {

void Fd::reset() {
  if (m_fd >= 0) close(std::exchange(m_fd, -1));
}

Fd open_nowhere() {
  Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  return null ? std::move(null) : Fd(memfd_create("wif-nowhere", MFD_CLOEXEC));
}

Result<std::string> read_all(int fd, std::size_t limit, std::string_view what) {
  struct stat info {};
  // One byte past a regular file's size, so that a single read finds its end. What has no size in /proc is short.
  std::size_t chunk = 256;
  if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0)
    chunk = std::min(static_cast<std::size_t>(info.st_size), limit) + 1;
  std::string text;
  std::size_t used = 0;
  for (;;) {
    if (text.size() - used < chunk) {
      std::string larger(std::max(used * 2, used + chunk), '\0');
      larger.replace(0, used, text, 0, used);
      wipe(text);
      text = std::move(larger);
    }
    const ssize_t count = read(fd, text.data() + used, text.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN && fcntl(fd, F_SETFL, 0) == 0) continue;  // its writer is there
    if (count < 0) {
      const int error = errno;
      wipe(text);
      return fail(Category::bug, "cannot read " + std::string(what) + ": " + errno_text(error));
    }
    used += static_cast<std::size_t>(count);
    if (used > limit) {
      wipe(text);
      errno = EFBIG;
      return fail(Category::bug, std::string(what) + " is larger than " + std::to_string(limit) + " bytes");
    }
    const bool at_end =
        count == 0 || (S_ISREG(info.st_mode) && used == static_cast<std::size_t>(info.st_size));
    if (at_end) break;
  }
  text.resize(used);
  return text;
}

Result<std::string> read_file(const std::string& path, std::size_t limit, Category category) {
  // A FIFO that nobody writes is empty, rather than something to wait for without a deadline.
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd) return fail(category, "cannot read " + path + ": " + errno_text(errno));
  auto text = read_all(fd.get(), limit, path);
  if (!text) text.error().category = category;
  return text;
}

int write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t count = write(fd, data.data(), data.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    data.remove_prefix(static_cast<std::size_t>(count));
  }
  return 0;
}

}  // namespace wif
