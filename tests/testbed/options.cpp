// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <getopt.h>

namespace testbed {

std::optional<Options> parse_options(int argc, char** argv) {
  static const option k_options[] = {{"state", required_argument, nullptr, 's'},
                                     {"write-token", required_argument, nullptr, 'w'},
                                     {"certificate-flaw", required_argument, nullptr, 'c'},
                                     {"until-eof", no_argument, nullptr, 'e'},
                                     {"die-with-parent", no_argument, nullptr, 'd'},
                                     {"verbose", no_argument, nullptr, 'v'},
                                     {nullptr, 0, nullptr, 0}};
  Options options;
  for (int found = 0; (found = getopt_long(argc, argv, "", k_options, nullptr)) != -1;) {
    switch (found) {
      case 's':
        options.state_directory = optarg;
        break;
      case 'w':
        options.write_token = optarg;
        break;
      case 'c':
        options.certificate_flaw = optarg;
        break;
      case 'e':
        options.until_eof = true;
        break;
      case 'd':
        options.die_with_parent = true;
        break;
      case 'v':
        options.verbose = true;
        break;
      default:
        return std::nullopt;
    }
  }
  return optind == argc ? std::optional(options) : std::nullopt;
}

const char* usage() {
  return "usage: wif-testbed [--state DIR] [--write-token FILE] [--until-eof] [--die-with-parent] [--verbose]\n"
         "                   [--certificate-flaw expired|name|untrusted]\n";
}

}  // namespace testbed
