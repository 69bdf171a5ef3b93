# SPDX-License-Identifier: BSD-2-Clause
# `nix develop` gives a shell with what vmbuild runs: Node, clang, lld, LLVM's binutils, dtc, QEMU. The Microkit SDK and
# the sources of libvmm and sDDF are fetched by `vmbuild fetch`, as elsewhere.
{
  description = "vmbuild: describe, build and run virtual machines on seL4/Microkit";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-25.05";

  outputs = { nixpkgs, ... }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
      forAllSystems = nixpkgs.lib.genAttrs systems;
    in
    {
      devShells = forAllSystems (system:
        let
          pkgs = nixpkgs.legacyPackages.${system};
          llvm = pkgs.llvmPackages_18;
          # The wrapped clang adds flags that no freestanding target has. The bare one looks for its own headers beside
          # itself, so it is copied to where they are.
          clang = pkgs.symlinkJoin {
            name = "clang-with-headers";
            paths = llvm.clang-unwrapped.all;
            postBuild = ''
              for tool in clang clang++; do
                rm $out/bin/$tool
                cp -L ${llvm.clang-unwrapped}/bin/$tool $out/bin/
              done
            '';
          };
        in
        {
          # Without stdenv's compiler, which would come first on PATH.
          default = pkgs.mkShellNoCC {
            packages = [ clang llvm.lld llvm.llvm ]
              ++ (with pkgs; [ nodejs_22 dtc qemu git xz cacert cpio libxml2 python3 ]);
          };
        });
    };
}
