// SPDX-License-Identifier: Apache-2.0
// Whom a file or folder must belong to that code is loaded on the word of.
#pragma once

#include <string>

#include <sys/stat.h>

#include "util/error.hpp"

namespace wif {

// It and all folders above it belong to root or to the effective user, and nobody else may write to them (a sticky folder
// such as /tmp counts as writable). Category configuration.
Status check_trusted_path(const std::string& path);

// The same of one file, folder or link on the way to `path`, `part`, of which lstat(2) said `status`. `user`: who trusts.
Status check_trusted_part(const std::string& path, const std::string& part, const struct stat& status,
                          uid_t user);

}  // namespace wif
