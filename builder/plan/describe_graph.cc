// The graph as text: what golden tests compare, so everything that a plan decides is in it.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "builder/plan/describe.h"

namespace slipway::builder {

namespace {

using base::cat;

class GraphWriter {
 public:
  std::string write(const Graph& graph) {
    for (std::size_t i = 0; i < graph.vertices.size(); ++i) {
      write(i, graph.vertices[i]);
    }
    for (const Target& target : graph.targets) {
      write(target);
    }
    return std::move(out_);
  }

 private:
  void line(std::string_view name, std::string_view value) {
    out_ += cat("  ", name, value.empty() ? "" : " ", value, "\n");
  }
  // Left out where there is nothing to say.
  void if_any(std::string_view name, std::string_view value) {
    if (!value.empty()) {
      line(name, value);
    }
  }
  void list(std::string_view name, const std::vector<std::string>& values) {
    for (const std::string& value : values) {
      line(name, base::quote(value));
    }
  }

  static std::string id_text(const std::optional<VertexId>& id) {
    return id ? cat("#", index_of(*id)) : "empty";
  }

  void write(std::size_t index, const Vertex& vertex) {
    out_ += cat("#", index, " ", vertex.meta.name, "\n");
    std::visit([&](const auto& op) { write_op(op); }, vertex.op);
    if (makes_state(vertex.op) && !std::holds_alternative<SourceImage>(vertex.op)) {
      line("on", id_text(vertex.base));
    }
    for (const SourceLines& lines : vertex.meta.lines) {
      line("lines",
           lines.first == lines.last ? cat(lines.first) : cat(lines.first, "-", lines.last));
    }
    if_any("stage", vertex.meta.stage);
    list("proxy", vertex.meta.proxy_environment);
    if_any("cache", vertex.meta.ignore_cache ? "ignored" : "");
    if (vertex.meta.source_date_epoch) {
      line("epoch", cat(*vertex.meta.source_date_epoch));
    }
  }

  void write_op(const SourceImage& op) {
    line("image", op.image->reference.canonical());
    for (const ImageLayer& layer : op.image->layers) {
      line("layer", layer.diff_id.hex().substr(0, 12));
    }
  }
  void write_op(const SourceContext& op) { line("context", op.name); }
  void write_op(const SourceGit& op) {
    line("git", op.remote);
    if_any("ref", op.ref);
    if_any("subdir", op.subdir);
    if_any("checksum", op.checksum);
    if_any("keep git dir", op.keep_git_dir ? "yes" : "");
    if_any("submodules", op.submodules ? "" : "no");
    if_any("fetch by commit", op.fetch_by_commit ? "yes" : "");
    if_any("commit times", op.commit_times ? "yes" : "");
  }
  void write_op(const SourceHttp& op) {
    line("http", op.url);
    line("file", op.file_name);
    if_any("checksum", op.checksum ? op.checksum->text() : std::string());
  }

  void write_op(const Exec& op) {
    list("run", op.argv);
    list("env", op.environment.assignments());
    line("cwd", op.working_directory);
    if_any("user", op.user);
    for (const ExecMount& mount : op.mounts) {
      write_mount(mount);
    }
    for (const ExecFile& file : op.files) {
      line("file", cat(file.name, " ", base::quote(file.content)));
    }
    list("device", op.devices);
    if_any("network", op.network == Exec::Network::kNone   ? "none"
                      : op.network == Exec::Network::kHost ? "host"
                                                           : "");
    if_any("security", op.security == Exec::Security::kInsecure ? "insecure" : "");
    if_any("hostname", op.hostname);
  }

  void write_mount(const ExecMount& mount) {
    static constexpr std::string_view kKinds[] = {"bind", "cache", "tmpfs", "secret", "ssh"};
    static constexpr std::string_view kSharings[] = {"shared", "private", "locked"};
    std::string text =
        cat(kKinds[static_cast<std::size_t>(mount.kind)], " target=", base::quote(mount.target));
    if (mount.kind == ExecMount::Kind::kBind || mount.kind == ExecMount::Kind::kCache) {
      text += cat(" from=", id_text(mount.from), " source=", mount.source);
    }
    if (mount.kind == ExecMount::Kind::kCache) {
      text += cat(" sharing=", kSharings[static_cast<std::size_t>(mount.sharing)]);
    }
    text += mount.read_only ? " ro" : " rw";
    text += mount.id.empty() ? "" : cat(" id=", mount.id);
    text += mount.mode ? cat(" mode=", *mount.mode) : "";
    text += mount.uid ? cat(" uid=", *mount.uid) : "";
    text += mount.gid ? cat(" gid=", *mount.gid) : "";
    text += mount.size_bytes ? cat(" size=", *mount.size_bytes) : "";
    text += mount.required ? " required" : "";
    text += mount.environment_name.empty() ? "" : cat(" env=", mount.environment_name);
    line("mount", text);
  }

  void write_op(const Copy& op) {
    line(op.is_add ? "add to" : "copy to", base::quote(op.destination));
    for (const CopySource& source : op.sources) {
      write_source(source);
    }
    if_any("chown", op.chown);
    if_any("chmod", op.chmod);
    list("exclude", op.excludes);
    if_any("parents", op.parents ? "yes" : "");
    if_any("link", op.link ? "yes" : "");
    if_any("unpack", op.unpack ? (*op.unpack ? "yes" : "no") : "");
  }

  void write_source(const CopySource& source) {
    switch (source.kind) {
      case CopySource::Kind::kHeredoc:
        line("heredoc", cat(source.heredoc_name, " ", base::quote(source.heredoc_content)));
        return;
      case CopySource::Kind::kHttp:
        line("download", cat(id_text(source.from), " ", base::quote(source.pattern)));
        return;
      case CopySource::Kind::kGit:
        line("work tree", id_text(source.from));
        return;
      case CopySource::Kind::kPath:
        line("path", cat(id_text(source.from), " ", base::quote(source.pattern)));
        return;
    }
  }

  void write_op(const MakeDir& op) {
    line("mkdir", base::quote(op.path));
    if_any("user", op.user);
  }

  void write(const Target& target) {
    out_ += cat("target ", target.stage.empty() ? "(default)" : target.stage, "\n");
    line("state", id_text(target.state));
    line("platform", target.platform.text());
    write_config(target.config);
    for (const registry::History& entry : target.base_history) {
      line("base history", cat(entry.empty_layer ? "- " : "+ ", base::quote(entry.created_by)));
    }
    for (const PlannedHistory& entry : target.history) {
      line("history",
           cat(entry.layer ? id_text(entry.layer) : "-", " ", base::quote(entry.entry.created_by)));
    }
    if (target.source_date_epoch) {
      line("epoch", cat(*target.source_date_epoch));
    }
  }

  void optional_list(std::string_view name, const std::optional<std::vector<std::string>>& values) {
    if (values) {
      std::string text;
      for (const std::string& value : *values) {
        text += cat(text.empty() ? "" : " ", base::quote(value));
      }
      line(name, cat("[", text, "]"));
    }
  }

  void write_config(const registry::ImageConfig& image) {
    const registry::ContainerConfig& config = image.config;
    if_any("author", image.author);
    list("Env", config.env);
    optional_list("Entrypoint", config.entrypoint);
    optional_list("Cmd", config.cmd);
    optional_list("Shell", config.shell);
    if_any("ArgsEscaped", config.args_escaped ? "true" : "");
    if_any("User", config.user);
    if_any("WorkingDir", config.working_dir);
    if_any("StopSignal", config.stop_signal);
    for (const std::string& port : config.exposed_ports) {
      line("ExposedPorts", port);
    }
    for (const std::string& volume : config.volumes) {
      line("Volumes", volume);
    }
    for (const auto& [name, value] : config.labels) {
      line("Labels", cat(name, "=", value));
    }
    list("OnBuild", config.on_build);
    if (config.healthcheck) {
      write_healthcheck(*config.healthcheck);
    }
  }

  void write_healthcheck(const registry::Healthcheck& check) {
    optional_list("Healthcheck", check.test);
    auto number = [&](std::string_view name, std::int64_t value) {
      if_any(name, value == 0 ? std::string() : cat(value));
    };
    number("Healthcheck.Interval", check.interval_ns);
    number("Healthcheck.Timeout", check.timeout_ns);
    number("Healthcheck.StartPeriod", check.start_period_ns);
    number("Healthcheck.StartInterval", check.start_interval_ns);
    number("Healthcheck.Retries", check.retries);
  }

  std::string out_;
};

}  // namespace

std::string graph_text(const Graph& graph) {
  return GraphWriter().write(graph);
}

}  // namespace slipway::builder
