# homebrew.rb FORMULA SOURCE: loads a formula of Homebrew with a stand-in for Formula, runs its install and post_install in a
# folder of its own with a copy of what they read, and prints what is wrong with what they install and run.
require "fileutils"
require "pathname"
require "tmpdir"

formula, source = ARGV.map { |path| File.expand_path(path) }
PREFIX = Pathname.new(Dir.mktmpdir("homebrew"))
at_exit { FileUtils.rm_rf(PREFIX) }
PLACES = {
  bin: "bin", opt_bin: "bin", etc: "etc", var: "var", man1: "share/man/man1", man5: "share/man/man5",
  pkgshare: "share/attachd", opt_pkgshare: "share/attachd", bash_completion: "etc/bash_completion.d",
  zsh_completion: "share/zsh/site-functions", fish_completion: "share/fish/vendor_completions.d", buildpath: "build"
}.to_h { |name, folder| [name, PREFIX / folder] }

class Pathname
  def install(*files)
    mkpath
    files.flatten.flat_map { |file| file.is_a?(Hash) ? file.to_a : [[file, File.basename(file)]] }.each do |from, name|
      FileUtils.mv(from, self / name)
    end
  end
end

# Said keeps what a block says in lines such as `keep_alive crashed: true`.
class Said < BasicObject
  ::PLACES.each { |name, folder| define_method(name) { folder } }
  def initialize(all) = @all = all
  def method_missing(name, *args) = @all[name] = args.first
  def respond_to_missing?(*) = true
end

class Formula
  PLACES.each { |name, folder| define_method(name) { folder } }
  class << self
    attr_reader :served

    %i[desc homepage url license head depends_on test].each { |name| define_method(name) { |*, **| nil } }
    def service(&block) = Said.new(@served = {}).instance_eval(&block)
  end

  attr_reader :ran

  def initialize = @ran = []
  def build = Struct.new(:head?).new(false)
  def version = "1.2.3"
  def std_go_args(ldflags:) = ["-ldflags=#{ldflags}"]
  def chmod(mode, files) = FileUtils.chmod(mode, files)

  # system stands for the commands that need Go, and makes the files that those of the manual do.
  def system(*args)
    @ran << args.join(" ")
    return unless args.last(2) == %w[manual manual]

    %w[man1/attachd.1 man5/attachd.yaml.5 completions/attachd.bash completions/_attachd completions/attachd.fish].each do |file|
      FileUtils.mkpath(File.dirname("manual/#{file}"))
      File.write("manual/#{file}", file)
    end
  end
end

PLACES[:buildpath].mkpath
FileUtils.cp_r("#{source}/deploy", PLACES[:buildpath])
load formula
attachd = Attachd.new
Dir.chdir(PLACES[:buildpath]) do
  attachd.install
  attachd.post_install
end
faults = []
same = ->(what, want, got) { faults << "#{what}: #{got.inspect}, not #{want.inspect}" unless want == got }
files = Dir.chdir(PREFIX) { Dir["{etc,share}/**/*"].select { |file| File.file?(file) }.sort }
same.("installed files", %w[
  etc/attachd/attachd.yaml etc/bash_completion.d/attachd share/attachd/attachd.example.yaml share/fish/vendor_completions.d/attachd.fish
  share/man/man1/attachd.1 share/man/man5/attachd.yaml.5 share/zsh/site-functions/_attachd
], files)
text = (PREFIX / "etc/attachd/attachd.yaml").read
same.("the output of the configuration", "output: #{PREFIX}/var/attachd/attachments", text[/^output:.*/])
same.("paths of Linux in it", nil, text.gsub(PREFIX.to_s, "")[%r{/(usr/share|var/lib)\S*}])
same.("the folder of accounts", true, (PREFIX / "etc/attachd/accounts.d").directory?)
same.("the mode of the configuration's folder", "700", ((PREFIX / "etc/attachd").stat.mode & 0o777).to_s(8))
same.("the version of the program", true, attachd.ran.first.include?("/cmd/attachd/version.number=v1.2.3"))
same.("the service", ["#{PREFIX}/bin/attachd", "run", "--config", "#{PREFIX}/etc/attachd/attachd.yaml"], Attachd.served[:run].map(&:to_s))
puts faults
exit faults.empty?
