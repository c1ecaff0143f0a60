// SPDX-License-Identifier: Apache-2.0
#include "core/trusted_path.hpp"

#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <string>
#include <string_view>

namespace wif {
namespace {

constexpr int k_most_links = 40;  // as the kernel has it

tl::unexpected<Error> distrust(const std::string& path, const std::string& why, std::string hint) {
  return fail(Category::configuration, path + " can't be trusted: " + why, std::move(hint));
}

std::string octal(mode_t mode) {
  char text[8];
  std::snprintf(text, sizeof text, "%04o", static_cast<unsigned>(mode & 07777));
  return text;
}

Status check_owner(const std::string& path, const std::string& part, const struct stat& status, uid_t user) {
  if (status.st_uid == 0 || status.st_uid == user) return {};
  return distrust(path,
                  part + " belongs to user " + std::to_string(status.st_uid) +
                      ", neither to root nor to you (" + std::to_string(user) + ")",
                  "chown root " + part + ", or use a copy of your own");
}

Status check_mode(const std::string& path, const std::string& part, const struct stat& status) {
  if (S_ISLNK(status.st_mode)) return {};  // a link's own mode says nothing
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) == 0) return {};
  // The sticky bit keeps others from renaming what is there, not from putting something there first.
  const bool shared = (status.st_mode & S_ISVTX) != 0;
  return distrust(path, part + " is writable by others (mode " + octal(status.st_mode) + ")",
                  shared ? "move it out of " + part + ", into a folder that only root or you can write to"
                         : "chmod go-w " + part);
}

Result<std::string> link_target(const std::string& part) {
  char target[PATH_MAX];
  const ssize_t size = readlink(part.c_str(), target, sizeof target);
  if (size < 0)
    return fail(Category::configuration, "cannot read the link " + part + ": " + errno_text(errno));
  return std::string(target, static_cast<std::size_t>(size));
}

// The first component of `rest`, which is cut off there.
std::string_view next_component(std::string& rest, std::string& component) {
  const std::size_t begin = rest.find_first_not_of('/');
  if (begin == std::string::npos) {
    rest.clear();
    component.clear();
    return component;
  }
  const std::size_t end = rest.find('/', begin);
  component = rest.substr(begin, end == std::string::npos ? end : end - begin);
  rest.erase(0, end == std::string::npos ? rest.size() : end);
  return component;
}

// "/a/b" to "/a", "/a" to "".
void drop_last(std::string& folder) { folder.erase(folder.empty() ? 0 : folder.rfind('/')); }

Result<std::string> absolute(const std::string& path) {
  if (path.starts_with('/')) return path;
  char here[PATH_MAX];
  if (getcwd(here, sizeof here) == nullptr)
    return fail(Category::configuration, "cannot tell the current folder: " + errno_text(errno));
  return std::string(here) + "/" + path;
}

}  // namespace

Status check_trusted_part(const std::string& path, const std::string& part, const struct stat& status,
                          uid_t user) {
  TRY(check_owner(path, part, status, user));
  return check_mode(path, part, status);
}

// Walks as the kernel does, link by link: realpath alone would leave out the folders that hold the links, and whoever
// can write to one of those can lead the path elsewhere after the check.
Status check_trusted_path(const std::string& path) {
  TRY_ASSIGN(std::string rest, absolute(path));
  std::string walked;  // no links in it; empty is the root
  std::string component;
  for (int links = 0;;) {
    const std::string part = walked.empty() ? "/" : walked;
    struct stat status = {};
    if (lstat(part.c_str(), &status) != 0)
      return fail(Category::configuration, "cannot look at " + part + ": " + errno_text(errno));
    TRY(check_trusted_part(path, part, status, geteuid()));
    if (S_ISLNK(status.st_mode)) {
      if (++links > k_most_links) return distrust(path, "too many symbolic links", {});
      TRY_ASSIGN(const std::string target, link_target(part));
      rest = target + "/" + rest;
      if (target.starts_with('/'))
        walked.clear();
      else
        drop_last(walked);
    }
    do {
      if (next_component(rest, component).empty()) return {};
      if (component == "..") drop_last(walked);
    } while (component == "." || component == "..");
    walked += "/" + component;
  }
}

}  // namespace wif
