// SPDX-License-Identifier: Apache-2.0
// What is wrong with a service account token before it is sent, without reading any file or clock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kit/kit.hpp"

namespace wif::kubernetes {

// Nothing if it may be sent to a relying party that wants `audience`, or isn't a JWT (the host says so). `path` is for the
// words, `now` is Unix seconds.
std::optional<kit::Failure> problem_of(std::string_view token, const std::string& path,
                                       const std::string& audience, std::int64_t now);

// The projected volume and its mount, as one line of YAML in its flow form.
std::string volume_snippet(std::string_view audience);

}  // namespace wif::kubernetes
