# The package of attachd for Nix: the program, its manual, completions and unit.
{
  lib,
  buildGoModule,
  installShellFiles,
  version ? "0.1.0",
  src ? lib.cleanSource ../..,
  # What `nix-build` prints as "got:" at the first try with lib.fakeHash. It changes with go.sum.
  vendorHash ? lib.fakeHash,
}:
buildGoModule {
  pname = "attachd";
  inherit version src vendorHash;

  subPackages = [ "cmd/attachd" ];
  env.CGO_ENABLED = 0;
  ldflags = [
    "-s"
    "-w"
    "-X github.com/attachd/attachd/cmd/attachd/version.number=v${version}"
  ];
  # The tests need servers and a browser; make test runs them.
  doCheck = false;

  nativeBuildInputs = [ installShellFiles ];
  postInstall = ''
    go run -tags manual ./cmd/attachd manual manual
    installManPage manual/man1/*.1 manual/man5/*.5
    installShellCompletion --cmd attachd --bash manual/completions/attachd.bash \
      --zsh manual/completions/_attachd --fish manual/completions/attachd.fish
    install -D -m 0644 deploy/systemd/attachd.service -t $out/lib/systemd/system
    substituteInPlace $out/lib/systemd/system/attachd.service --replace-fail /usr/bin/attachd $out/bin/attachd
  '';

  meta = {
    description = "Attachments of POP3S mailboxes into folders";
    homepage = "https://github.com/attachd/attachd";
    license = lib.licenses.mit;
    mainProgram = "attachd";
    platforms = lib.platforms.unix;
  };
}
