#include "builder/plan/outline_of.h"

#include <algorithm>
#include <set>
#include <utility>

namespace slipway::builder {

namespace {

class OutlineMaker {
 public:
  OutlineMaker(const PlanSession& session, const StageTable& table,
               const std::vector<std::optional<NodeResult>>& results)
      : session_(session), table_(table), results_(results) {}

  // The target first, then what it needs: of two stages that declare a name the nearer one counts.
  parser::Outline make(std::size_t target) {
    const StageNode& node = table_.nodes[target];
    outline_.name = node.name;
    outline_.description = node.from != nullptr ? node.from->description : std::string();
    std::vector<std::size_t> waiting = {target};
    std::set<std::size_t> seen = {target};
    while (!waiting.empty()) {
      std::size_t index = waiting.back();
      waiting.pop_back();
      take(index);
      std::vector<std::size_t> next = needs_of(table_.nodes[index]);
      for (auto i = next.rbegin(); i != next.rend(); ++i) {
        if (seen.insert(*i).second) {
          waiting.push_back(*i);
        }
      }
    }
    return std::move(outline_);
  }

 private:
  static std::vector<std::size_t> needs_of(const StageNode& node) {
    std::vector<std::size_t> needs;
    if (node.base) {
      needs.push_back(*node.base);
    }
    for (const StageCommand& command : node.commands) {
      for (const std::optional<std::size_t>& source : command.sources) {
        if (source) {
          needs.push_back(*source);
        }
      }
    }
    return needs;
  }

  void take(std::size_t index) {
    static const StageOutline kNothing;
    const StageOutline& stage = results_[index] ? results_[index]->outline : kNothing;
    const StageNode& node = table_.nodes[index];
    std::vector<std::string> names(stage.used_arguments.begin(), stage.used_arguments.end());
    names.insert(names.end(), node.used_arguments.begin(), node.used_arguments.end());
    std::set<std::string, std::less<>> of_stage;
    while (!names.empty()) {
      std::string name = std::move(names.back());
      names.pop_back();
      if (of_stage.insert(name).second) {
        take_argument(stage, name, names);
      }
    }
    for (const parser::Outline::Secret& secret : stage.secrets) {
      if (secrets_.insert(secret.name).second) {
        outline_.secrets.push_back(secret);
      }
    }
    for (const parser::Outline::Ssh& agent : stage.ssh) {
      if (agents_.insert(agent.name).second) {
        outline_.ssh.push_back(agent);
      }
    }
  }

  // A global argument brings those that its value was made from.
  void take_argument(const StageOutline& stage, const std::string& name,
                     std::vector<std::string>& waiting) {
    auto own = stage.arguments.find(name);
    if (own != stage.arguments.end()) {
      add(own->second);
      return;
    }
    const parser::GlobalArguments& arguments = session_.global.arguments;
    auto global = arguments.infos.find(name);
    if (global == arguments.infos.end()) {
      return;
    }
    const parser::GlobalArguments::Info& info = global->second;
    std::optional<std::string_view> value = arguments.values.find(name);
    add({.name = name,
         .description = info.declaration.description,
         .value = value ? std::optional(std::string(*value)) : std::nullopt,
         .lines = info.lines});
    waiting.insert(waiting.end(), info.depends_on.begin(), info.depends_on.end());
  }

  void add(const parser::Outline::Argument& argument) {
    if (arguments_.insert(argument.name).second) {
      outline_.arguments.push_back(argument);
    }
  }

  const PlanSession& session_;
  const StageTable& table_;
  const std::vector<std::optional<NodeResult>>& results_;
  parser::Outline outline_;
  std::set<std::string, std::less<>> arguments_;
  std::set<std::string, std::less<>> secrets_;
  std::set<std::string, std::less<>> agents_;
};

}  // namespace

parser::Outline outline_of(const PlanSession& session, const StageTable& table,
                           const std::vector<std::optional<NodeResult>>& results,
                           std::size_t target) {
  parser::Outline outline = OutlineMaker(session, table, results).make(target);
  std::stable_sort(outline.arguments.begin(), outline.arguments.end(),
                   [](const auto& left, const auto& right) { return left.lines < right.lines; });
  return outline;
}

}  // namespace slipway::builder
