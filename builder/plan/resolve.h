#pragma once

// Base images and named contexts: what each node of the stage table starts from.

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "builder/plan/plan.h"
#include "builder/plan/planned.h"
#include "builder/plan/stages.h"

namespace slipway::builder {

// What a node without a base stage starts from.
struct NodeOrigin {
  enum class Kind { kEmpty, kImage, kFiles };
  Kind kind = Kind::kEmpty;
  std::shared_ptr<const ResolvedImage> image;  // kImage
  std::optional<VertexOp> files;               // kFiles: a SourceContext, SourceGit or SourceHttp
  std::string files_name;                      // kFiles: the step's name
  registry::Platform platform;                 // of the node
};

// Resolves images through the resolver, each (image, platform) once in a plan, several at a time.
class OriginResolver {
 public:
  OriginResolver(const StageInputs& inputs, bool implicit_target, ImageResolver& resolver,
                 std::stop_token stop)
      : inputs_(inputs),
        implicit_target_(implicit_target),
        resolver_(resolver),
        stop_(std::move(stop)) {}

  // Fills `origins` (one place for each node of the table) where a node is needed, continues no
  // stage and has no origin yet. The text of every FROM is checked, needed or not. Throws
  // kCancelled only.
  Planned<void> resolve(const StageTable& table, const std::vector<bool>& needed,
                        std::vector<std::optional<NodeOrigin>>& origins, parser::Linter& linter);

 private:
  struct Request;
  struct Answer;
  Planned<std::optional<Request>> request_of(const StageNode& node);
  Planned<Request> request_of(const std::string& name, const BuildContext& context,
                              const registry::Platform& platform);
  void ask(std::vector<Request> requests);
  Answer ask(const Request& request, std::stop_token stop);
  Planned<NodeOrigin> origin_of(const StageTable& table, const StageNode& node,
                                const Request& request, parser::Linter& linter);
  registry::Platform platform_of(const StageNode& node) const;

  const StageInputs& inputs_;
  bool implicit_target_;
  ImageResolver& resolver_;
  std::stop_token stop_;
  std::map<std::string, std::shared_ptr<const Answer>> answers_;  // by Request::key()
};

}  // namespace slipway::builder
