# SPDX-License-Identifier: Apache-2.0
# Not built here: no Homebrew was at hand. For Homebrew on Linux: wif uses Linux' own calls (prctl, memfd, pidfd, inotify).
class Wif < Formula
  desc "Credential helper for workload identity federation"
  homepage "https://example.org/wif"
  url "https://example.org/wif/wif-0.1.0.tar.gz"
  sha256 "0000000000000000000000000000000000000000000000000000000000000000" # the release writes it
  license "Apache-2.0"

  depends_on "cmake" => :build
  depends_on "ninja" => :build
  depends_on "pkgconf" => :build
  depends_on "protozero" => :build
  depends_on "rapidjson" => :build
  depends_on "scdoc" => :build
  depends_on "tl-expected" => :build
  depends_on "tomlplusplus" => :build
  depends_on "curl"
  depends_on "libmd"
  depends_on :linux
  depends_on "openssl@3"
  depends_on "pugixml"

  def install
    system "cmake", "-S", ".", "-B", "build", "-G", "Ninja", "-DBUILD_TESTING=OFF", "-DWIF_SYSTEMD=OFF", *std_cmake_args
    system "cmake", "--build", "build"
    system "cmake", "--install", "build"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/wif --version")
    assert_match "no configuration file", shell_output("#{bin}/wif get 2>&1", 3)
  end
end
