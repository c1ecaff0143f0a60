// SPDX-License-Identifier: Apache-2.0
// The keys that the stand-in for AWS hands out and knows again.
#pragma once

#include <array>
#include <string>

namespace testbed {

struct AwsKey {
  const char* id;
  const char* secret;
  const char* session;  // "" for a key that lasts
  const char* arn;      // whose
};

inline constexpr AwsKey k_aws_user{"AKIATESTBEDUSER00000", "wif-canary-aws/user+K7MDENGbPxRfiCYEXAMP", "",
                                   "arn:aws:iam::123456789012:user/app"};
inline constexpr AwsKey k_aws_task{"ASIATESTBEDTASK00000", "wif-canary-aws/task+K7MDENGbPxRfiCYEXAMP",
                                   "wif-canary-aws-session-task/+//////////wEaCXVzLWVhc3QtMSJGMEQCIA==",
                                   "arn:aws:iam::123456789012:role/task"};
inline constexpr AwsKey k_aws_instance{
    "ASIATESTBEDINSTANCE0", "wif-canary-aws/inst+K7MDENGbPxRfiCYEXAMP",
    "wif-canary-aws-session-instance/+//////////wEaCXVzLWVhc3QtMSJGMEQCIA==",
    "arn:aws:iam::123456789012:role/instance"};
inline constexpr AwsKey k_aws_web{"ASIATESTBEDWEB000000", "wif-canary-aws/web++K7MDENGbPxRfiCYEXAMP",
                                  "wif-canary-aws-session-web/+//////////wEaCXVzLWVhc3QtMSJGMEQCIA==",
                                  "arn:aws:iam::123456789012:role/web"};

inline const AwsKey* aws_key(const std::string& id) {
  for (const AwsKey* key : {&k_aws_user, &k_aws_task, &k_aws_instance, &k_aws_web})
    if (id == key->id) return key;
  return nullptr;
}

// "2026-01-02T03:04:05.678Z": as services write it, with a fraction.
std::string aws_time(std::int64_t seconds);

}  // namespace testbed
