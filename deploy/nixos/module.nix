# A module of NixOS for attachd; README.md says how to use it. The unit is that of deploy/systemd, with its hardening. It
# reads /etc/attachd/attachd.yaml, as everywhere.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib)
    mapAttrsToList
    mkEnableOption
    mkIf
    mkMerge
    mkOption
    types
    ;
  cfg = config.services.attachd;
  yaml = pkgs.formats.yaml { };
  file = yaml.generate "attachd.yaml" cfg.settings;
  managed = cfg.settings != null;
in
{
  options.services.attachd = {
    enable = mkEnableOption "attachd, which writes the attachments of POP3S mailboxes into folders";

    package = mkOption {
      type = types.package;
      default = pkgs.callPackage ./package.nix { };
      defaultText = lib.literalExpression "pkgs.callPackage ./package.nix { }";
      description = "The package of attachd.";
    };

    settings = mkOption {
      type = types.nullOr yaml.type;
      default = null;
      example = lib.literalExpression ''
        {
          output = "/var/lib/attachd/attachments";
          state = "/var/lib/attachd/state.db";
          accounts = [
            {
              name = "hans";
              host = "mx.freenet.de";
              username = "hans";
              password_credential = "hans";
            }
          ];
        }
      '';
      description = ''
        The configuration, with the keys of attachd.yaml(5). It becomes a file that all users of this machine can read, so
        it must hold no password: use password_credential and `credentials`, or password_file. Without settings,
        /etc/attachd/attachd.yaml is kept by hand, by attachd init for example.
      '';
    };

    credentials = mkOption {
      type = types.attrsOf types.str;
      default = { };
      example = {
        hans = "/run/secrets/attachd-hans";
      };
      description = ''
        Files with passwords. systemd reads them as root at the start of the service and hands them out by these names,
        for password_credential. The paths are strings, as a path of Nix would be copied to where all can read it.
      '';
    };

    writablePaths = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "/srv/scans" ];
      description = "Folders beside /var/lib/attachd that attachments go to.";
    };

    groups = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "scans" ];
      description = ''
        Groups that files are given to, with the key group. The service then has no user namespace of its own: within one
        it can't give files to them.
      '';
    };
  };

  config = mkIf cfg.enable {
    users.users.attachd = {
      isSystemUser = true;
      group = "attachd";
      home = "/var/lib/attachd";
      description = "attachd mail attachments";
    };
    users.groups.attachd = { };

    environment.systemPackages = [ cfg.package ];
    environment.etc = mkIf managed { "attachd/attachd.yaml".source = file; };
    systemd.tmpfiles.rules = mkIf (!managed) [
      "d /etc/attachd 0750 root attachd -"
      "d /etc/attachd/secrets 0750 root attachd -"
      "z /etc/attachd/attachd.yaml - - attachd -"
    ];

    systemd.packages = [ cfg.package ];
    systemd.services.attachd = {
      wantedBy = [ "multi-user.target" ];
      # With another file the service is reloaded: accounts that did not change are polled on.
      reloadTriggers = mkIf managed [ file ];
      serviceConfig = mkMerge [
        (mkIf managed { ConfigurationDirectoryMode = "0755"; })
        (mkIf (cfg.credentials != { }) {
          LoadCredential = mapAttrsToList (name: path: "${name}:${path}") cfg.credentials;
        })
        (mkIf (cfg.writablePaths != [ ]) { ReadWritePaths = cfg.writablePaths; })
        (mkIf (cfg.groups != [ ]) {
          SupplementaryGroups = cfg.groups;
          PrivateUsers = false;
        })
      ];
    };
  };
}
