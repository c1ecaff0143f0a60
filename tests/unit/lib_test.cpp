// SPDX-License-Identifier: Apache-2.0
// The C interface by itself: what it refuses, and what it leaves in memory. tests/clients/libwif_test.py has the rest.
#include "wif/wif.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "lib/objects.hpp"

namespace wif {
namespace {

struct FreeError {
  void operator()(wif_error* error) const { wif_error_free(error); }
};
struct FreeOptions {
  void operator()(wif_options* options) const { wif_options_free(options); }
};
using ErrorPointer = std::unique_ptr<wif_error, FreeError>;
using OptionsPointer = std::unique_ptr<wif_options, FreeOptions>;

TEST(LibOptions, RefuseWhatIsOutOfRange) {
  const OptionsPointer options(wif_options_new());
  for (const std::int64_t good : {1, 3'600'000})
    EXPECT_EQ(wif_options_set_timeout(options.get(), good), WIF_OK);
  for (const std::int64_t bad : {-1, 0, 3'600'001})
    EXPECT_EQ(wif_options_set_timeout(options.get(), bad), WIF_USAGE);
  for (const std::int64_t good : {0, 86'400})
    EXPECT_EQ(wif_options_set_min_remaining(options.get(), good), WIF_OK);
  for (const std::int64_t bad : {-1, 86'401})
    EXPECT_EQ(wif_options_set_min_remaining(options.get(), bad), WIF_USAGE);
  EXPECT_EQ(wif_options_set_flags(options.get(), WIF_NO_CACHE | WIF_RENEW), WIF_OK);
  EXPECT_EQ(wif_options_set_flags(options.get(), 4), WIF_USAGE);
  EXPECT_EQ(options->session.timeout_ms, 3'600'000);
  EXPECT_TRUE(options->session.renew);
}

TEST(LibOptions, TakeNullWhereTheHeaderSaysSo) {
  const OptionsPointer options(wif_options_new());
  EXPECT_EQ(wif_options_set_profile(options.get(), "prod"), WIF_OK);
  EXPECT_EQ(wif_options_set_profile(options.get(), nullptr), WIF_OK);
  EXPECT_FALSE(options->choice.profile);
  EXPECT_EQ(wif_options_add_setting(options.get(), "subject.path", nullptr), WIF_USAGE);
  EXPECT_EQ(wif_options_add_setting(nullptr, "a", "b"), WIF_USAGE);
  EXPECT_EQ(wif_options_set_timeout(nullptr, 1), WIF_USAGE);
  wif_options_free(nullptr);
  wif_error_free(nullptr);
  wif_credential_free(nullptr);
}

TEST(LibErrors, AreFilledByAFailureAndEmptiedByASuccess) {
  const ErrorPointer error(wif_error_new());
  EXPECT_EQ(wif_get(nullptr, nullptr, error.get()), WIF_USAGE);
  EXPECT_EQ(wif_error_status(error.get()), WIF_USAGE);
  EXPECT_STREQ(wif_error_message(error.get()), "wif_get: credential is NULL");
  EXPECT_EQ(guarded(error.get(), [] { return Status{}; }), WIF_OK);
  EXPECT_EQ(wif_error_status(error.get()), WIF_OK);
  EXPECT_STREQ(wif_error_message(error.get()), "");
  EXPECT_EQ(wif_get(nullptr, nullptr, nullptr), WIF_USAGE);
}

TEST(LibErrors, NothingIsThrownIntoC) {
  const ErrorPointer error(wif_error_new());
  EXPECT_EQ(guarded(error.get(), []() -> Status { throw std::bad_alloc(); }), WIF_BUG);
  EXPECT_STREQ(wif_error_message(error.get()), "out of memory");
  EXPECT_EQ(guarded(error.get(), []() -> Status { throw 7; }), WIF_BUG);
  EXPECT_STREQ(wif_error_message(error.get()), "an unknown exception");
}

TEST(LibReject, WantsAHash) {
  const ErrorPointer error(wif_error_new());
  std::uint32_t removed = 7;
  for (const std::string& hash : {std::string("ab"), std::string(64, 'G'), std::string(65, 'a')})
    EXPECT_EQ(wif_reject(hash.c_str(), 0, &removed, error.get()), WIF_USAGE) << hash;
  EXPECT_EQ(removed, 0U);
  EXPECT_EQ(wif_reject(nullptr, 0, nullptr, nullptr), WIF_USAGE);
  EXPECT_EQ(wif_reject(std::string(64, 'a').c_str(), -1, nullptr, error.get()), WIF_USAGE);
}

TEST(LibCredential, HasTheFieldsOfItsKindOnly) {
  wif_credential credential;
  credential.credential.access_token = Secret(std::string_view("token"));
  EXPECT_STREQ(wif_credential_access_token(&credential), "token");
  EXPECT_STREQ(wif_credential_token_type(&credential), "Bearer");
  EXPECT_EQ(wif_credential_aws_session_token(&credential), nullptr);
  EXPECT_EQ(wif_credential_scope(&credential), nullptr);
  char hash[WIF_TOKEN_HASH_SIZE];
  wif_credential_token_sha256(&credential, hash);
  EXPECT_STREQ(hash, "3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0");
  credential.credential.access_key_id = Secret(std::string_view("id"));
  credential.credential.secret_access_key = Secret(std::string_view("key"));
  EXPECT_EQ(wif_credential_access_token(&credential), nullptr);
  EXPECT_STREQ(wif_credential_aws_session_token(&credential), "token");
  EXPECT_STREQ(wif_credential_aws_secret_access_key(&credential), "key");
  credential.warnings = {"one"};
  EXPECT_STREQ(wif_credential_warning(&credential, 0), "one");
  EXPECT_EQ(wif_credential_warning(&credential, 1), nullptr);
}

}  // namespace
}  // namespace wif
