# The formula of attachd, for a tap: brew install attachd/tap/attachd.
class Attachd < Formula
  desc "Attachments of POP3S mailboxes into folders"
  homepage "https://github.com/attachd/attachd"
  url "https://github.com/attachd/attachd.git", tag: "v0.1.0"
  license "MIT"
  head "https://github.com/attachd/attachd.git", branch: "main"

  depends_on "go" => :build

  def install
    ENV["CGO_ENABLED"] = "0"
    number = "github.com/attachd/attachd/cmd/attachd/version.number"
    ldflags = build.head? ? "-s -w" : "-s -w -X #{number}=v#{version}"
    system "go", "build", *std_go_args(ldflags: ldflags), "./cmd/attachd"
    system "go", "run", "-tags", "manual", "./cmd/attachd", "manual", "manual"
    man1.install Dir["manual/man1/*"]
    man5.install Dir["manual/man5/*"]
    bash_completion.install "manual/completions/attachd.bash" => "attachd"
    zsh_completion.install "manual/completions/_attachd"
    fish_completion.install "manual/completions/attachd.fish"
    pkgshare.install "deploy/attachd.example.yaml"

    # What stands in the packages of Linux, with the folders of Homebrew. An upgrade leaves an edited file alone.
    text = File.read("deploy/packages/attachd.yaml").gsub("/var/lib/attachd", "#{var}/attachd").gsub("/etc/attachd", "#{etc}/attachd")
    (buildpath/"attachd.yaml").write text.gsub("/usr/share/doc/attachd", opt_pkgshare.to_s)
    (etc/"attachd").install "attachd.yaml"
  end

  def post_install
    (etc/"attachd/accounts.d").mkpath
    (etc/"attachd/secrets").mkpath
    (var/"attachd").mkpath
    chmod 0700, [etc/"attachd", etc/"attachd/secrets", var/"attachd"]
  end

  def caveats
    <<~EOS
      To add a mailbox:
        attachd init --config #{etc}/attachd/attachd.yaml
    EOS
  end

  service do
    run [opt_bin/"attachd", "run", "--config", etc/"attachd/attachd.yaml"]
    keep_alive crashed: true
    working_dir var/"attachd"
    log_path var/"log/attachd.log"
    error_log_path var/"log/attachd.log"
  end

  test do
    (testpath/"mail.eml").write <<~EOS
      From: a@example.org
      MIME-Version: 1.0
      Content-Type: application/pdf
      Content-Disposition: attachment; filename="a.pdf"

      %PDF-1.4
    EOS
    system bin/"attachd", "extract", "-o", testpath/"out", testpath/"mail.eml"
    assert_predicate testpath/"out/a.pdf", :exist?
  end
end
