// When RUN looks at what its step left; a scripted sandbox says how it ends.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <optional>

#include <gtest/gtest.h>

#include "base/fs.h"
#include "base/text.h"
#include "builder/context/context_view.h"
#include "builder/ops/services.h"
#include "cache/store.h"

namespace slipway::builder {
namespace {

using base::cat;

// Does what the test says in the place of a step.
class ScriptedRunner : public StepRunner {
 public:
  using StepRunner::run;
  StepResult run(const SandboxSpec& spec, const StepIo& io, const WorkAtEnd& work,
                 std::stop_token stop) override {
    EXPECT_FALSE(stop.stop_requested());
    EXPECT_GE(io.out, 0);
    upper = std::get<OverlayRoot>(spec.root).upper;
    return script(work);
  }

  void expect(const UserNetwork& network) override { expected.push_back(network.program); }

  std::function<StepResult(const WorkAtEnd& work)> script;
  std::vector<std::string> expected;
  std::string upper;  // of the last step
};

class ExecOpTest : public testing::Test {
 protected:
  ExecOpTest() {
    services_.store = &store_;
    services_.layers = &layers_;
    services_.runner = [this]() -> StepRunner& { return runner_; };
    services_.clock = &clock_;
    services_.exec = &settings_;
    services_.warn = [this](const std::string& text) { said_.push_back(text); };
    services_.keep_failed = [this](const KeptStep& step, const cache::StagedTree& tree) {
      said_.push_back(cat("kept: ", step.failure.substr(0, 7), ", ", names_in(tree.path())));
    };
  }

  static std::string names_in(const std::string& folder) {
    std::string names;
    for (const base::DirectoryEntry& entry : base::list_directory(base::open_directory(folder))) {
      names += cat(entry.name, " ");
    }
    return names;
  }
  void write(const std::string& name) const {
    base::write_file_atomically(base::open_directory(runner_.upper), name, name);
  }
  // Nothing means it, so it must be removed before the directory can be a layer's tree.
  void make_superfluous(const std::string& name) const {
    ASSERT_EQ(::mknod(cat(runner_.upper, "/", name).c_str(), S_IFSOCK | 0644, 0), 0);
  }

  StepOutcome run(std::function<StepResult(const WorkAtEnd& work)> script) {
    runner_.script = std::move(script);
    Vertex vertex{exec_, std::nullopt, {.name = "RUN make"}};
    return make_exec_op(std::get<Exec>(vertex.op), services_)
        ->run({&vertex, {}, {}}, [](std::string_view) {}, {});
  }
  std::string error_of(std::function<StepResult(const WorkAtEnd& work)> script) {
    try {
      run(std::move(script));
    } catch (const base::Error& error) {
      return error.message();
    }
    return "no error";
  }
  // Names in the layer.
  std::string names_of(const StepOutcome& outcome) {
    store_.commit(outcome.rows);
    std::string names;
    std::shared_ptr<const MergedView> view = layers_.view(std::span(&outcome.layer.diff_id, 1), {});
    for (const Entry& entry : view->children({})) {
      names += cat(entry.path.base_name(), " ");
    }
    return names;
  }

  base::TempDir folder_{"/tmp", "slipway-test-"};
  cache::Store store_{folder_.path() + "/store"};
  LayerStore layers_{store_, {}};
  base::SystemClock clock_;
  ExecSettings settings_;
  Exec exec_{.argv = {"make"}, .network = Exec::Network::kNone};
  ScriptedRunner runner_;
  OpServices services_{};
  std::vector<std::string> said_;
};

// A step with a mount of a context directory.
class MountingExecTest : public ExecOpTest {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) {
      GTEST_SKIP() << "only root's files are shown as they lie";
    }
    base::Fd tree = base::ensure_directory(base::open_directory(folder_.path()), "context/tree");
    base::check([&] { return ::fchmod(tree.get(), 0755); }, "chmod");
    base::check([&] { return ::chmod(context().c_str(), 0755); }, "chmod", context());
    base::write_file_atomically(tree, "file", "content", 0644);
    exec_.mounts.push_back({.target = "/tree", .from = VertexId(0), .source = "/tree"});
  }
  std::string context() const { return folder_.path() + "/context"; }
  // As the solver asks a step whose outline it does not know.
  bool can_run_unread() {
    source_.files = std::make_shared<ContextView>(ContextOptions{context(), {}, {}, 1});
    Vertex vertex{exec_, std::nullopt, {.name = "RUN make"}};
    OpInputs inputs{&vertex, {VertexId(0)}, {&source_}};
    std::unique_ptr<Op> op = make_exec_op(std::get<Exec>(vertex.op), services_);
    EXPECT_TRUE(op->has_outline(inputs));
    return op->can_run_unread(inputs, {});
  }
  VertexResult source_;
};

TEST_F(MountingExecTest, CanRunUnreadWhereTheContextIsShownAsItLies) {
  EXPECT_TRUE(can_run_unread());
  exec_.mounts[0].source = "/";
  EXPECT_TRUE(can_run_unread());
}

TEST_F(MountingExecTest, ReadsFirstWhereTheContextHasToBeCopied) {
  exec_.mounts[0].source = "/tree/file";
  EXPECT_FALSE(can_run_unread());
  exec_.mounts[0].source = "/nosuch";
  EXPECT_FALSE(can_run_unread());
  exec_.mounts[0].source = "/tree";
  ASSERT_EQ(::mknod((context() + "/tree/socket").c_str(), S_IFSOCK | 0644, 0), 0);
  EXPECT_FALSE(can_run_unread());
}

TEST_F(MountingExecTest, HasNoOutlineWithoutAContext) {
  exec_.mounts[0].from.reset();
  Vertex vertex{exec_, std::nullopt, {.name = "RUN make"}};
  EXPECT_FALSE(make_exec_op(std::get<Exec>(vertex.op), services_)->has_outline({&vertex, {}, {}}));
}

TEST_F(MountingExecTest, BeginsTheNetworkThatTheStepWillGet) {
  settings_.user_network = UserNetwork{UserNetwork::Tool::kPasta, "/bin/pasta", ""};
  EXPECT_TRUE(can_run_unread());
  EXPECT_TRUE(runner_.expected.empty());  // it has none
  exec_.network = Exec::Network::kDefault;
  EXPECT_TRUE(can_run_unread());
  EXPECT_EQ(runner_.expected, std::vector<std::string>{"/bin/pasta"});
}

StepResult killed() {
  return {.end = StepEnd::kOutOfMemory,
          .status = {base::ExitStatus::Kind::kSignaled, SIGKILL},
          .message = {},
          .usage = {},
          .notices = {}};
}

TEST_F(ExecOpTest, ReadsTheFilesAsSoonAsTheyAreFinal) {
  StepOutcome outcome = run([&](const WorkAtEnd& work) {
    write("early");
    work();
    write("late");
    return StepResult{};
  });
  EXPECT_EQ(names_of(outcome), "early ");
}

TEST_F(ExecOpTest, ReadsTheFilesAfterAStepThatCanNotSay) {
  StepOutcome outcome = run([&](const WorkAtEnd&) {
    write("file");
    return StepResult{};
  });
  EXPECT_EQ(names_of(outcome), "file ");
}

TEST_F(ExecOpTest, ChangesNothingBeforeTheStepHasEnded) {
  StepOutcome outcome = run([&](const WorkAtEnd& work) {
    write("file");
    make_superfluous("socket");
    work();
    EXPECT_EQ(names_in(runner_.upper).size(), std::string_view("file socket ").size());
    return StepResult{};
  });
  EXPECT_EQ(names_of(outcome), "file ");
  EXPECT_EQ(names_in(*store_.trees().find(outcome.layer.diff_id)), "file ");
}

TEST_F(ExecOpTest, ForgetsWhatItReadOfAStepThatFailsAfterAll) {
  EXPECT_TRUE(error_of([&](const WorkAtEnd& work) {
                write("file");
                work();
                return killed();
              }).starts_with("process \"make\" did not complete"));
  ASSERT_EQ(said_.size(), 1U);
  EXPECT_EQ(said_[0], "kept: process, file ");
}

TEST_F(ExecOpTest, ForgetsWhatItReadOfAStepWhoseSandboxFails) {
  EXPECT_EQ(error_of([&](const WorkAtEnd& work) -> StepResult {
              write("file");
              work();
              base::fail(base::ErrorKind::kSystem, "the network is lost");
            }),
            "the network is lost");
  EXPECT_TRUE(said_.empty());
}

TEST_F(ExecOpTest, TellsWhatCanNotBeALayerAfterTheStepsNotices) {
  std::string error = error_of([&](const WorkAtEnd& work) {
    write(".wh.name");
    work();
    EXPECT_TRUE(said_.empty());
    StepResult result;
    result.notices = {"no limits here"};
    return result;
  });
  EXPECT_TRUE(error.contains("a layer can't hold")) << error;
  EXPECT_EQ(said_, (std::vector<std::string>{"no limits here"}));
}

TEST_F(ExecOpTest, TellsOfASecretInTheLayerWhenTheStepHasEnded) {
  settings_.secrets.insert_or_assign("key", SecretValue("very-hidden"));
  settings_.refuse_leaked_secrets = false;
  exec_.mounts.push_back(
      {.kind = ExecMount::Kind::kSecret, .target = "/run/secrets/key", .id = "key"});
  run([&](const WorkAtEnd& work) {
    write("very-hidden");
    work();
    EXPECT_TRUE(said_.empty());
    return StepResult{};
  });
  ASSERT_EQ(said_.size(), 1U);
  EXPECT_TRUE(said_[0].contains("the bytes of a secret in its layer")) << said_[0];
}

}  // namespace
}  // namespace slipway::builder
