#pragma once

// The part of Go's text/template that docker's --format is used with:
//
//   {{.Repository}}:{{.Tag}}   {{json .Config.Env}}   {{index .RepoTags 0}}   {{len .Layers}}
//   {{range $key, $value := .Config.Labels}}{{$key}}={{$value}} {{else}}none{{end}}
//   {{if and .A (eq .B "x")}}...{{else if .C}}...{{else}}...{{end}}   {{with
//   .Config}}{{.User}}{{end}}
//   {{.Config.Env | json}}   {{- trims white space on its side -}}   {{/* a comment */}}
//
// Functions: and or not eq ne lt le gt ge len index print println printf json join split lower
// upper title pad truncate.

#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace slipway::cmd {

struct TemplateBlock;

class Template {
 public:
  // kUsage, with the text and what is wrong, for what can't be understood.
  explicit Template(std::string_view text);
  ~Template();
  Template(Template&&) noexcept;

  // The text for one value. A member that the value itself does not have is kUsage with the nearest
  // name; one that is missing further inside (a label, say) is "<no value>", as in Go.
  std::string text_for(const nlohmann::ordered_json& value) const;

 private:
  std::string source_;
  std::unique_ptr<const TemplateBlock> block_;
};

}  // namespace slipway::cmd
