// SPDX-License-Identifier: Apache-2.0
#include "core/store.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/json.hpp"
#include "util/secret.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr int k_record_version = 1;
constexpr std::size_t k_record_limit = 1 << 20;
constexpr std::string_view k_record_ending = ".json";
constexpr std::string_view k_failure_ending = ".failure";
constexpr std::string_view k_lock_ending = ".lock";

std::string octal(mode_t mode) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(mode & 07777U));
  return text.data();
}

// The one rule for what we trust on disk: ours, and nobody else may even read it.
Status check_private(const struct stat& info, const std::string& path) {
  if (info.st_uid != geteuid())
    return fail(
        Category::cache,
        path + " belongs to user " + std::to_string(info.st_uid) + ", not to " + std::to_string(geteuid()),
        "remove it, or set WIF_CACHE_DIR to a directory of your own");
  if ((info.st_mode & 0077U) != 0)
    return fail(Category::cache,
                path + " has mode " + octal(info.st_mode) + ": others could read or replace tokens",
                "chmod go-rwx " + path + " if you know who could have written there, else remove it");
  return {};
}

// mkdir -p with 0700; the parents that exist keep their modes.
bool make_directories(const std::string& path) {
  for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1))
    if (mkdir(path.substr(0, at).c_str(), 0700) != 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
      return false;
  return mkdir(path.c_str(), 0700) == 0 || errno == EEXIST;
}

Result<Record> parse_record(std::string text) {
  TRY_ASSIGN(const Json json, Json::parse(std::move(text)));
  if (json["version"].integer() != k_record_version)
    return fail(Category::cache, "a record of another version");
  Record record;
  record.binding = json["binding"].string().value_or("");
  record.profile = json["profile"].string().value_or("");
  record.refresh_at = json["refresh_at"].integer().value_or(0);
  TRY_ASSIGN(record.credential, read_credential(json["credential"]));
  return record;
}

std::string format_record(const Record& record) {
  JsonWriter writer;
  writer.object();
  writer.member("version", k_record_version);
  writer.member("profile", std::string_view(record.profile));
  writer.member("refresh_at", record.refresh_at);
  writer.key("credential").object();
  write_credential(writer, record.credential);
  writer.end();
  writer.member("binding", std::string_view(record.binding));
  writer.end();
  return writer.take() + "\n";
}

std::string format_failure(const Failure& failure) {
  JsonWriter writer;
  writer.object();
  writer.member("version", k_record_version);
  writer.member("profile", std::string_view(failure.profile));
  writer.member("at", failure.at);
  writer.member("at_boot_ms", failure.at_boot_ms);
  writer.member("not_before", failure.not_before);
  writer.member("attempts", failure.attempts);
  writer.member("category", static_cast<int>(failure.error.category));
  writer.member("message", std::string_view(failure.error.message));
  writer.member("hint", std::string_view(failure.error.hint));
  writer.member("cause", std::string_view(failure.error.cause));
  writer.member("refused_subject", std::string_view(failure.refused_subject));
  writer.member("request_id", std::string_view(failure.request_id));
  writer.member("step", std::string_view(failure.step));
  writer.member("binding", std::string_view(failure.binding));
  writer.end();
  return writer.take() + "\n";
}

std::optional<Failure> parse_failure(std::string text) {
  const auto json = Json::parse(std::move(text));
  if (!json || (*json)["version"].integer() != k_record_version) return {};
  const auto text_of = [&json](const char* key) { return std::string((*json)[key].string().value_or("")); };
  const auto number_of = [&json](const char* key) { return (*json)[key].integer().value_or(0); };
  Failure failure;
  failure.binding = text_of("binding");
  failure.profile = text_of("profile");
  failure.at = number_of("at");
  failure.at_boot_ms = number_of("at_boot_ms");
  failure.not_before = number_of("not_before");
  failure.attempts = static_cast<int>(std::clamp<std::int64_t>(number_of("attempts"), 1, 1000));
  failure.error = Error{category_from_code(static_cast<int>(number_of("category"))), text_of("message"),
                        text_of("hint"), text_of("cause")};
  failure.refused_subject = text_of("refused_subject");
  failure.request_id = text_of("request_id");
  failure.step = text_of("step");
  return failure;
}

}  // namespace

std::string circumstances(const Failure& failure, std::int64_t now) {
  std::string words = duration_words(std::max<std::int64_t>(now - failure.at, 0)) + " ago";
  if (!failure.step.empty()) words += " in step " + failure.step;
  if (failure.attempts > 1) words += ", " + std::to_string(failure.attempts) + " times in a row";
  if (!failure.request_id.empty()) words += ", request " + printable(failure.request_id, 100);
  return words;
}

Result<std::optional<Store>> Store::open(const std::string& directory, bool create, std::string& why) {
  constexpr int k_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  Fd fd(::open(directory.c_str(), k_flags));
  if (!fd && errno == ENOENT && create && make_directories(directory))
    fd = Fd(::open(directory.c_str(), k_flags));
  if (!fd) {
    const int error = errno;
    // O_NOFOLLOW with O_DIRECTORY says ENOTDIR of a symlink.
    if (error == ELOOP || error == ENOTDIR) {
      struct stat info {};
      if (lstat(directory.c_str(), &info) == 0)
        return fail(Category::cache,
                    directory + (S_ISLNK(info.st_mode) ? " is a symlink" : " is not a directory"),
                    "remove it, or set WIF_CACHE_DIR to a directory of your own");
    }
    why = "cannot open the cache directory " + directory + ": " + errno_text(error);
    return std::optional<Store>();
  }
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return fail(Category::cache, "cannot look at " + directory);
  TRY(check_private(info, directory));
  return std::optional<Store>(Store(directory, std::move(fd)));
}

Result<std::optional<std::string>> Store::read_checked(const std::string& name) const {
  // O_NONBLOCK: a FIFO put in a record's place must not hang us.
  const Fd fd(openat(m_directory.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  const std::string path = m_path + "/" + name;
  if (!fd && errno == ENOENT) return std::optional<std::string>();
  if (!fd && errno == ELOOP) return fail(Category::cache, path + " is a symlink", "remove it");
  if (!fd) return fail(Category::cache, "cannot open " + path + ": " + errno_text(errno), "remove it");
  struct stat info {};
  if (fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode))
    return fail(Category::cache, path + " is not a regular file", "remove it");
  TRY(check_private(info, path));
  auto text = read_all(fd.get(), k_record_limit, path);
  if (!text) return std::optional<std::string>();
  return std::optional<std::string>(std::move(*text));
}

Result<std::optional<Record>> Store::read_record(const std::string& name) const {
  TRY_ASSIGN(auto text, read_checked(name + std::string(k_record_ending)));
  if (!text) return std::optional<Record>();
  // A damaged record is a miss: the next exchange replaces it.
  auto record = parse_record(std::move(*text));
  if (!record) return std::optional<Record>();
  return std::optional<Record>(std::move(*record));
}

Result<std::optional<Record>> Store::read_record(const std::string& name, std::string_view binding) const {
  auto record = read_record(name);
  if (record && *record && (*record)->binding != binding) record->reset();
  return record;
}

std::optional<Failure> Store::read_failure(const std::string& name) const {
  auto text = read_checked(name + std::string(k_failure_ending));
  if (!text || !*text) return {};
  return parse_failure(std::move(**text));
}

std::optional<Failure> Store::read_failure(const std::string& name, std::string_view binding) const {
  auto failure = read_failure(name);
  if (failure && failure->binding != binding) failure.reset();
  return failure;
}

Status Store::write_file(const std::string& name, std::string_view text) const {
  const std::string temporary = name + "." + std::to_string(getpid()) + ".tmp";
  const auto failed = [&](const char* doing) {
    const int error = errno;
    unlinkat(m_directory.get(), temporary.c_str(), 0);
    return fail(Category::cache,
                std::string("cannot ") + doing + " " + m_path + "/" + name + ": " + errno_text(error));
  };
  unlinkat(m_directory.get(), temporary.c_str(), 0);
  Fd fd(openat(m_directory.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
               0600));
  if (!fd) return failed("create");
  if (const int error = write_all(fd.get(), text); error != 0) {
    errno = error;
    return failed("write");
  }
  // No fsync: the binding has the boot id, so nothing of a record is good after the crash that an fsync guards against
  // (README.md). A network file system says only now that its disk is full.
  if (close(fd.release()) != 0 && errno != EINTR) return failed("write");
  if (renameat(m_directory.get(), temporary.c_str(), m_directory.get(), name.c_str()) != 0)
    return failed("replace");
  return {};
}

Status Store::write_record(const std::string& name, const Record& record) const {
  std::string text = format_record(record);
  if (text.size() > k_record_limit) {  // nobody would read it
    wipe(text);
    return fail(Category::cache, "a record is larger than 1 MiB");
  }
  const Status written = write_file(name + std::string(k_record_ending), text);
  wipe(text);
  if (written) unlinkat(m_directory.get(), (name + std::string(k_failure_ending)).c_str(), 0);
  return written;
}

Status Store::write_failure(const std::string& name, const Failure& failure) const {
  return write_file(name + std::string(k_failure_ending), format_failure(failure));
}

void Store::remove(const std::string& name) const {
  for (const auto ending : {k_record_ending, k_failure_ending})
    unlinkat(m_directory.get(), (name + std::string(ending)).c_str(), 0);
}

Result<Fd> Store::open_lock(const std::string& name) const {
  const std::string file = name + std::string(k_lock_ending);
  Fd fd(
      openat(m_directory.get(), file.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600));
  if (!fd)
    return fail(Category::cache, "cannot open " + m_path + "/" + file + ": " + errno_text(errno),
                "this user has to be able to write in " + m_path + ", or set WIF_CACHE_DIR");
  struct stat info {};
  if (fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode))
    return fail(Category::cache, m_path + "/" + file + " is not a regular file", "remove it");
  TRY(check_private(info, m_path + "/" + file));
  return fd;
}

std::vector<std::string> Store::names() const {
  std::vector<std::string> found;
  const int copy = openat(m_directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(copy < 0 ? nullptr : fdopendir(copy), closedir);
  if (!directory) return found;
  while (const dirent* entry = readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    for (const auto ending : {k_record_ending, k_failure_ending})
      if (name.size() == 16 + ending.size() && name.ends_with(ending)) found.emplace_back(name.substr(0, 16));
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

std::string_view network_file_system(std::uint32_t magic) {
  struct Kind {
    std::uint32_t magic;
    std::string_view name;
  };
  constexpr std::array k_network = {
      Kind{0x6969, "nfs"},      Kind{0xff534d42, "cifs"},  Kind{0xfe534d42, "smb3"},
      Kind{0x517b, "smb"},      Kind{0x564c, "ncp"},       Kind{0x5346414f, "openafs"},
      Kind{0x6b414653, "afs"},  Kind{0x73757245, "coda"},  Kind{0x01021997, "9p"},
      Kind{0x00c36400, "ceph"}, Kind{0x0bd00bd0, "lustre"}};
  for (const auto& kind : k_network)
    if (kind.magic == magic) return kind.name;
  return {};
}

std::optional<std::string> cache_directory(const System& system) {
  if (auto path = system.trusted_variable("WIF_CACHE_DIR")) return path;
  if (auto path = system.trusted_variable("XDG_CACHE_HOME"); path && path->front() == '/')
    return *path + "/wif";
  if (auto path = system.trusted_variable("HOME"); path && path->front() == '/') return *path + "/.cache/wif";
  return {};
}

}  // namespace wif
