// SPDX-License-Identifier: Apache-2.0
// Azure Arc's challenge: whoever can read a file that its agent has just made for root and the group himds may have a
// token. The agent is only a port on loopback, which any user could listen on while it is down and name a file of ours to
// be sent, so the one documented folder is all that is read from, and no link in it is followed.
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

#include "azure.hpp"
#include "util/text.hpp"

namespace wif::azure {
namespace {

using namespace wif::kit;

constexpr std::size_t k_largest_key = 4096;
constexpr std::string_view k_suffix = ".key";

tl::unexpected<Failure> bad_challenge(const std::string& what) {
  return fail(WIF_REFUSED, "the Azure Arc agent's challenge " + what + ", so nothing was sent",
              "check that it is the agent (himds) that listens there: `azcmagent show`");
}

tl::unexpected<Failure> cannot_open(const std::string& path, int error) {
  const std::string message = "cannot open " + path + ", the Azure Arc agent's key: " + errno_text(error);
  if (error == EACCES || error == EPERM)
    return fail(WIF_NO_IDENTITY, message,
                "only root and the group himds may use the machine's identity: usermod -aG himds USER");
  if (error == ELOOP) return bad_challenge("names a symbolic link, " + path);
  return fail(WIF_NO_IDENTITY, message,
              "run it on the machine itself, or mount the agent's folder into the container");
}

}  // namespace

Result<std::string> challenged_file(std::string_view www_authenticate, std::string_view folder) {
  constexpr std::string_view k_scheme = "Basic realm=";
  std::string_view path = trim(www_authenticate);
  if (!starts_with_ignoring_case(path, k_scheme)) return bad_challenge("isn't of the form Basic realm=FILE");
  path.remove_prefix(k_scheme.size());
  if (path.size() >= 2 && path.front() == '"' && path.back() == '"') path = path.substr(1, path.size() - 2);
  while (folder.size() > 1 && folder.ends_with('/')) folder.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  if (slash == path.npos || path.substr(0, slash) != folder)
    return bad_challenge("names " + excerpt(path) + ", outside of " + std::string(folder));
  if (!path.ends_with(k_suffix) || path.size() - slash - 1 == k_suffix.size())
    return bad_challenge("names " + excerpt(path) + ", which isn't *.key");
  if (path.find('\0') != path.npos) return bad_challenge("isn't text");
  return std::string(path);
}

Result<std::string_view> read_key(const Host& host, const std::string& path) {
  const Fd file = open_file(path, O_NOFOLLOW);
  if (!file) return cannot_open(path, errno);
  struct stat status = {};
  if (fstat(file.get(), &status) != 0) return cannot_open(path, errno);
  if (!S_ISREG(status.st_mode)) return bad_challenge("names something that is no regular file, " + path);
  const auto text = read_secret_file(host, file, k_largest_key);
  if (!text && text.error() == EFBIG) return bad_challenge("names a file of more than 4096 bytes, " + path);
  if (!text) return cannot_open(path, text.error());
  const std::string_view key = trim(*text);
  if (key.empty()) return bad_challenge("names an empty file, " + path);
  return key;
}

}  // namespace wif::azure
