# SPDX-License-Identifier: Apache-2.0
# Not built here: no Nix was at hand. `nix-build packaging/nix`.
{ pkgs ? import <nixpkgs> { } }:
pkgs.stdenv.mkDerivation {
  pname = "wif";
  version = "0.1.0";
  src = pkgs.lib.cleanSource ../..;
  nativeBuildInputs = with pkgs; [ cmake ninja pkg-config python3 scdoc ];
  buildInputs = with pkgs; [ curl glibc.static libmd openssl protozero pugixml rapidjson tl-expected tomlplusplus ];
  cmakeFlags = [ "-DBUILD_TESTING=OFF" "-DCMAKE_INSTALL_LIBDIR=lib" "-DCMAKE_INSTALL_LIBEXECDIR=libexec" ];
  meta = {
    description = "Credential helper for workload identity federation";
    license = pkgs.lib.licenses.asl20;
    platforms = pkgs.lib.platforms.linux;
    mainProgram = "wif";
  };
}
