// SPDX-License-Identifier: Apache-2.0
// Two values that should be equal and aren't: how they part, as a person would say it. And OpenAI's mapping rows.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/jwt.hpp"

namespace wif {

// "the token's ends with a slash", "http for https", "another namespace (dev for prod)", "they part at character 17: …"; empty of what has
// nothing in common.
std::string difference(std::string_view found, std::string_view expected);
// The same behind "; ", if there is anything to say.
std::string apart(std::string_view found, std::string_view expected);

// A mapping row's value against a claim's: equal, or up to one trailing '*' with something before it.
bool row_matches(std::string_view pattern, std::string_view value);
// Why OpenAI would not take the pattern; nothing if it would.
std::optional<std::string> row_problem(std::string_view pattern);

// What a mapping can compare of a claim: a scalar as text. Nothing of an object, a list or null.
std::optional<std::string> scalar_text(JsonValue value);

// The expression below "assertion" of a nested claim that somebody wrote with dots: ["kubernetes.io"].namespace of
// kubernetes.io.namespace. Nothing: there is no such scalar.
std::optional<std::string> path_to(JsonValue value, std::string_view dotted);

// An attribute transformation that is a plain path into the token, "assertion.a.b" or "assertion['a'].b": the claim, which may
// be absent. Nothing: the expression is more than that, and isn't evaluated here.
std::optional<JsonValue> evaluate_path(std::string_view expression, const Jwt& jwt);

}  // namespace wif
