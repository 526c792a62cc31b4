# Evaluates the module of NixOS with stand-ins for the few functions of nixpkgs that it uses, and throws if what comes of it
# is not the service that is meant.
let
  lib = {
    mkIf = condition: value: if condition then value else { };
    mkMerge = builtins.foldl' (all: one: all // one) { };
    mkOption = option: option;
    mkEnableOption = description: {
      inherit description;
      default = false;
    };
    literalExpression = text: text;
    mapAttrsToList = f: set: map (name: f name set.${name}) (builtins.attrNames set);
    types = {
      package = "package";
      str = "str";
      attrsOf = type: type;
      listOf = type: type;
      nullOr = type: type;
    };
  };
  pkgs = {
    callPackage = path: _: import path { inherit lib buildGoModule; installShellFiles = null; src = null; vendorHash = null; };
    formats.yaml = _: {
      type = "yaml";
      generate = name: value: "/nix/store/${name}";
    };
  };
  buildGoModule = args: args;
  module =
    given:
    let
      made = import ../deploy/nixos/module.nix {
        inherit lib pkgs;
        config.services.attachd = defaults // given;
      };
      defaults = builtins.mapAttrs (_: option: option.default) (
        removeAttrs made.options.services.attachd [ "package" ]
      ) // { package = "/nix/store/attachd"; };
    in
    made.config;
  off = module { };
  byHand = module { enable = true; };
  whole = module {
    enable = true;
    settings.accounts = [ ];
    credentials.hans = "/run/secrets/hans";
    writablePaths = [ "/srv/scans" ];
    groups = [ "scans" ];
  };
  same = what: want: got: if want == got then true else throw "${what} is ${builtins.toJSON got}, not ${builtins.toJSON want}";
in
[
  (same "a module that is off" { } off)
  (same "the service by hand" { } byHand.systemd.services.attachd.serviceConfig)
  (same "the file by hand" { } byHand.environment.etc)
  (same "the folders by hand" 3 (builtins.length byHand.systemd.tmpfiles.rules))
  (same "the unit" [ "/nix/store/attachd" ] whole.systemd.packages)
  (same "the file" "/nix/store/attachd.yaml" whole.environment.etc."attachd/attachd.yaml".source)
  (same "the folders" { } whole.systemd.tmpfiles.rules)
  (same "its reload" [ "/nix/store/attachd.yaml" ] whole.systemd.services.attachd.reloadTriggers)
  (same "the service" {
    ConfigurationDirectoryMode = "0755";
    LoadCredential = [ "hans:/run/secrets/hans" ];
    PrivateUsers = false;
    ReadWritePaths = [ "/srv/scans" ];
    SupplementaryGroups = [ "scans" ];
  } whole.systemd.services.attachd.serviceConfig)
]
