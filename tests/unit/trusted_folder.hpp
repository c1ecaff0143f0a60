// SPDX-License-Identifier: Apache-2.0
// A folder of the test's own that check_trusted_path accepts, gone with it. /tmp holds none: anybody may write there.
#pragma once

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/trusted_path.hpp"

namespace wif {

class TrustedFolder {
 public:
  TrustedFolder() {
    const char* home = getenv("HOME");
    const std::string own = home == nullptr ? "/root" : home;
    for (const std::string& base : {own, std::filesystem::current_path().string(), std::string("/run")}) {
      m_path = base + "/.wif-test-XXXXXX";
      if (mkdtemp(m_path.data()) == nullptr) continue;
      if (check_trusted_path(m_path)) return;
      remove();
    }
    m_path.clear();
  }
  ~TrustedFolder() {
    if (!m_path.empty()) remove();
  }
  TrustedFolder(const TrustedFolder&) = delete;
  TrustedFolder& operator=(const TrustedFolder&) = delete;

  bool empty() const { return m_path.empty(); }  // there was no such place
  const std::string& path() const { return m_path; }
  std::string operator/(const std::string& name) const { return m_path + "/" + name; }
  std::string write(const std::string& name, const std::string& text, mode_t mode = 0644) const {
    std::string path = *this / name;
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path;
  }
  std::string make_folder(const std::string& name, mode_t mode = 0755) const {
    std::string path = *this / name;
    mkdir(path.c_str(), 0755);
    chmod(path.c_str(), mode);
    return path;
  }

 private:
  void remove() {
    std::error_code ignored;
    std::filesystem::remove_all(m_path, ignored);
  }
  std::string m_path;
};

}  // namespace wif
