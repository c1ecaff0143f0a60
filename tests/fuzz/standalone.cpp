// SPDX-License-Identifier: Apache-2.0
// Runs a fuzzer's function without libFuzzer: over every file of a corpus, and over mutations of them that are the same on
// every machine. So each build, the sanitized ones too, runs all fuzzers a little; the `fuzz` preset runs them for long.
//   NAME-fuzzer CORPUS_FOLDER [MUTATIONS_OF_EACH]
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void run(const std::string& input) {
  // A copy of its exact size, so that a sanitizer sees a read past the end.
  const std::vector<std::uint8_t> bytes(input.begin(), input.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

std::string mutated(std::string text, const std::vector<std::string>& corpus, std::mt19937& random) {
  const auto below = [&random](std::size_t limit) { return limit == 0 ? 0 : random() % limit; };
  for (std::size_t changes = 1 + below(4); changes > 0; --changes) {
    const std::size_t at = below(text.size() + 1);
    switch (below(6)) {
      case 0:
        text.insert(at, 1, static_cast<char>(random()));
        break;
      case 1:
        if (at < text.size()) text[at] = static_cast<char>(random());
        break;
      case 2:
        text.erase(at, below(8));
        break;
      case 3:
        text.resize(at);
        break;
      case 4:
        text.insert(at, text.substr(below(text.size()), below(16)));
        break;
      default: {  // the end of another one
        const std::string& other = corpus[below(corpus.size())];
        text = text.substr(0, at) + other.substr(std::min(at, other.size()));
      }
    }
  }
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: NAME-fuzzer CORPUS_FOLDER [MUTATIONS_OF_EACH]\n", stderr);
    return 2;
  }
  std::vector<std::filesystem::path> files(std::filesystem::directory_iterator(argv[1]), {});
  std::sort(files.begin(), files.end());
  std::vector<std::string> corpus;
  for (const auto& file : files) {
    std::ifstream stream(file, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  }
  if (corpus.empty()) {
    std::fprintf(stderr, "%s is empty\n", argv[1]);
    return 2;
  }
  std::mt19937 random(1);
  const int mutations = argc > 2 ? std::atoi(argv[2]) : 1000;
  for (const auto& input : corpus) {
    run(input);
    for (int i = 0; i < mutations; ++i) run(mutated(input, corpus, random));
  }
  return 0;
}
