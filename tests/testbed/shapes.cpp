// SPDX-License-Identifier: Apache-2.0
#include "shapes.hpp"

#include "digest.hpp"

#include <functional>
#include <map>
#include <stdexcept>

namespace testbed {
namespace {

constexpr const char* k_uuid = "9f1c2f0a-5d0e-4c55-8c0b-6f3a1d2e7b40";

Json bare(const ShapeContext& context) {
  return Json::object({{"aud", context.audience},
                       {"exp", context.expires},
                       {"iat", context.issued},
                       {"iss", context.issuer},
                       {"sub", "testbed"}});
}

Json kubernetes(const ShapeContext& context) {
  Json claims = bare(context);
  claims.set("aud", Json::array({context.audience}));
  claims.set("jti", random_text(22));
  claims.set("nbf", context.issued);
  claims.set("sub", "system:serviceaccount:default:openai-wif");
  claims.set("kubernetes.io",
             Json::object({{"namespace", "default"},
                           {"node", Json::object({{"name", "node-1"}, {"uid", k_uuid}})},
                           {"pod", Json::object({{"name", "app-0"}, {"uid", k_uuid}})},
                           {"serviceaccount", Json::object({{"name", "openai-wif"}, {"uid", k_uuid}})}}));
  return claims;
}

Json google(const ShapeContext& context) {
  Json claims = bare(context);
  claims.set("azp", "113774264463038321964");
  claims.set("email", "app@testbed.iam.gserviceaccount.com");
  claims.set("email_verified", true);
  claims.set("sub", "113774264463038321964");
  const Json engine =
      Json::object({{"instance_name", "vm-1"}, {"project_id", "testbed"}, {"zone", "europe-west1-b"}});
  claims.set("google", Json::object({{"compute_engine", engine}}));
  return claims;
}

Json azure(const ShapeContext& context) {
  Json claims = bare(context);
  claims.set("appid", k_uuid);
  claims.set("idtyp", "app");
  claims.set("nbf", context.issued);
  claims.set("oid", k_uuid);
  claims.set("sub", k_uuid);
  claims.set("tid", "7d1f6c1e-0000-4000-8000-0123456789ab");
  claims.set("ver", "1.0");
  claims.set("xms_mirid",
             "/subscriptions/s/resourcegroups/g/providers/Microsoft.Compute/virtualMachines/vm-1");
  return claims;
}

Json github(const ShapeContext& context) {
  Json claims = bare(context);
  claims.set("environment", "production");
  claims.set("jti", k_uuid);
  claims.set("nbf", context.issued);
  claims.set("ref", "refs/heads/main");
  claims.set("repository", "octo-org/octo-repo");
  claims.set("repository_owner", "octo-org");
  claims.set("sub", "repo:octo-org/octo-repo:ref:refs/heads/main");
  claims.set("workflow_ref", "octo-org/octo-repo/.github/workflows/ci.yml@refs/heads/main");
  return claims;
}

Json spiffe(const ShapeContext& context) {
  Json claims = bare(context);
  claims.set("aud", Json::array({context.audience}));
  claims.set("sub", "spiffe://example.org/workload");
  return claims;
}

Json aws(const ShapeContext& context) {
  Json claims = bare(context);
  claims.set("jti", k_uuid);
  claims.set("sub", "arn:aws:iam::123456789012:role/app");
  claims.set(
      "https://sts.amazonaws.com/",
      Json::object({{"aws_account", "123456789012"}, {"org_id", "o-testbed"}, {"principal_id", "app"}}));
  return claims;
}

}  // namespace

Json shaped_claims(const std::string& shape, const ShapeContext& context) {
  static const std::map<std::string, std::function<Json(const ShapeContext&)>> k_shapes{
      {"aws", aws},       {"azure", azure},           {"bare", bare},    {"github", github},
      {"google", google}, {"kubernetes", kubernetes}, {"spiffe", spiffe}};
  const auto found = k_shapes.find(shape);
  if (found == k_shapes.end()) {
    throw std::invalid_argument("unknown shape");
  }
  return found->second(context);
}

}  // namespace testbed
