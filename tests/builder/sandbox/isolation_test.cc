// What a step must not be able to do or see.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/process.h"
#include "base/text.h"
#include "builder/sandbox/sealed_program.h"
#include "tests/builder/sandbox/sandbox_fixture.h"

namespace slipway::tests {
namespace {

using base::cat;
using base::Fd;
using base::ImagePath;
using builder::NetworkMode;
using builder::SandboxSpec;
using builder::SecurityMode;

constexpr const char* kShowPrivileges =
    "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status | tr '\\t\\n' '  '";

class Isolation : public SandboxTest {
 protected:
  SandboxSpec insecure(SandboxSpec spec) {
    spec.security = SecurityMode::kInsecure;
    return spec;
  }
};

TEST_F(Isolation, RootHasDockersCapabilitiesAndAFilter) {
  EXPECT_EQ(output_of(kShowPrivileges),
            "CapInh: 0000000000000000 CapPrm: 00000000a80425fb CapEff: 00000000a80425fb "
            "CapBnd: 00000000a80425fb CapAmb: 0000000000000000 NoNewPrivs: 0 Seccomp: 2 ");
}

TEST_F(Isolation, AnotherUserHasNoCapabilities) {
  if (!has_many_ids()) {
    GTEST_SKIP() << "only one id is mapped here";
  }
  SandboxSpec spec = spec_of(kShowPrivileges);
  spec.user.uid = 1000;
  EXPECT_EQ(output_of(spec),
            "CapInh: 0000000000000000 CapPrm: 0000000000000000 CapEff: 0000000000000000 "
            "CapBnd: 00000000a80425fb CapAmb: 0000000000000000 NoNewPrivs: 0 Seccomp: 2 ");
}

TEST_F(Isolation, CanForbidNewPrivileges) {
  SandboxSpec spec = spec_of("grep NoNewPrivs /proc/self/status");
  spec.no_new_privileges = true;
  EXPECT_EQ(output_of(spec), "NoNewPrivs:\t1\n");
}

TEST_F(Isolation, CanBeGivenUp) {
  SandboxSpec spec =
      insecure(spec_of("grep -E '^(CapEff|Seccomp:)' /proc/self/status; "
                       "probe unshare-user; mount -t tmpfs none /tmp && echo mounted; "
                       "mknod /tmp/n c 1 3; probe open /proc/kcore; echo"));
  std::string out = output_of(spec);
  // With one id there is always the filter that records owners.
  EXPECT_TRUE(out.contains(has_many_ids() ? "Seccomp:\t0\n" : "Seccomp:\t2\n")) << out;
  EXPECT_FALSE(out.contains("00000000a80425fb")) << out;
  EXPECT_TRUE(out.contains("ok\nmounted\n")) << out;
}

TEST_F(Isolation, HidesWhatTellsAboutTheMachine) {
  EXPECT_EQ(output_of("for f in kcore keys timer_list sched_debug latency_stats interrupts; do "
                      "test -e /proc/$f && test -s /proc/$f && head -c 1 /proc/$f; done; "
                      "ls /proc/acpi /proc/scsi /sys/firmware /sys/devices/virtual/powercap "
                      "2>/dev/null | grep -v :$ | grep .; echo end"),
            "end\n");
}

TEST_F(Isolation, MakesSettingsOfTheMachineReadOnly) {
  EXPECT_EQ(output_of("probe open /proc/sys/kernel/domainname write; "
                      "touch /sys/kernel/x 2>&1 | grep -o 'Read-only.*'; "
                      "mkdir /proc/bus/x 2>/dev/null || echo refused"),
            cat(is_rootless() ? "EACCES" : "EROFS", "\nRead-only file system\nrefused\n"));
}

// Only the six nodes of /dev: others can be made (layers hold them) but not opened.
TEST_F(Isolation, HasNoUseForDevicesThatItMakes) {
  if (is_rootless()) {
    EXPECT_EQ(output_of("mknod /dev/mine c 1 3 2>/dev/null || echo refused"), "refused\n");
    return;
  }
  EXPECT_EQ(output_of("for d in /dev /dev/shm /tmp /; do mknod $d/mine c 1 3; "
                      "probe open $d/mine; done; probe open /dev/null"),
            "EACCES\nEACCES\nEACCES\nEACCES\nok\n");
}

TEST_F(Isolation, DoesNotReachTheMachinesDevicesByTheirNodes) {
  struct stat before{};
  ASSERT_EQ(::stat("/dev/null", &before), 0);
  run(spec_of("chmod 600 /dev/null; chown 7:7 /dev/null; rm -f /dev/null"));
  struct stat after{};
  ASSERT_EQ(::stat("/dev/null", &after), 0);
  EXPECT_EQ(before.st_mode, after.st_mode);
  EXPECT_EQ(before.st_uid, after.st_uid);
}

TEST_F(Isolation, CannotMountNorEnterNamespaces) {
  EXPECT_EQ(output_of("mount -t tmpfs none /tmp 2>/dev/null || echo no mount; "
                      "umount /proc/kcore 2>/dev/null || echo no umount; "
                      "nsenter -t 1 -m true 2>/dev/null || echo no setns; "
                      "probe unshare-user; probe clone-user"),
            "no mount\nno umount\nno setns\nEPERM\nEPERM\n");
}

TEST_F(Isolation, CannotTouchItsInit) {
  EXPECT_EQ(
      output_of("probe ptrace 1; probe open /proc/1/mem; probe open /proc/1/environ; "
                "readlink /proc/1/exe || echo no exe; readlink /proc/1/fd/0 || echo no descriptor"),
      "EPERM\nEACCES\nEACCES\nno exe\nno descriptor\n");
}

TEST_F(Isolation, SeesNoOtherMounts) {
  std::string mounts = output_of("cut -d' ' -f2 /proc/self/mounts | sort -u");
  EXPECT_FALSE(mounts.contains("/home"));
  EXPECT_EQ(output_of("ls / | grep -v -x -E 'bin|dev|etc|home|proc|sys|tmp'; true"), "");
  EXPECT_EQ(
      output_of("ls -d /../../bin /proc/self/root/../../bin /proc/self/cwd/../../bin | wc -l"),
      "3\n");
}

TEST_F(Isolation, HasANetworkOfItsOwnIfAsked) {
  SandboxSpec spec = spec_of(
      "ip -o link | cut -d: -f2; ip -o addr show dev lo | grep -o 127.0.0.1/8; "
      "ping -c1 -W1 127.0.0.1 > /dev/null && echo up");
  spec.network = NetworkMode::kNone;
  std::string out = output_of(spec);
  EXPECT_TRUE(out.starts_with(" lo\n")) << out;
  EXPECT_TRUE(out.contains("127.0.0.1/8\n")) << out;
  EXPECT_FALSE(out.contains("eth0")) << out;
}

TEST_F(Isolation, HasTheMachinesNetworkOtherwise) {
  char ours[100] = {};
  ASSERT_GT(::readlink("/proc/self/ns/net", ours, sizeof ours - 1), 0);
  EXPECT_EQ(output_of("readlink /proc/self/ns/net"), cat(ours, "\n"));
  for (const char* name : {"mnt", "pid", "ipc", "uts", "cgroup"}) {
    char own[100] = {};
    ASSERT_GT(::readlink(cat("/proc/self/ns/", name).c_str(), own, sizeof own - 1), 0);
    EXPECT_NE(output_of(cat("readlink /proc/self/ns/", name)), cat(own, "\n")) << name;
  }
}

// What a step could do with our program: an image may name /proc/self/exe as its interpreter.
TEST_F(Isolation, CannotWriteToTheHelpersProgram) {
  Fd own = base::open_file("/proc/self/exe", O_RDONLY);
  Fd copy = builder::copy_to_sealed_memory(own);
  Fd sealed = builder::open_sealed_program("/proc/self/exe");
  for (const Fd* program : {&copy, &sealed}) {
    EXPECT_EQ(base::get_status(*program, "").st_size, base::get_status(own, "").st_size);
    std::string path = cat("/proc/self/fd/", program->get());
    int number = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (number >= 0) {  // memory may be opened; its seals refuse the write
      EXPECT_EQ(::write(number, "x", 1), -1);
      EXPECT_EQ(::ftruncate(number, 0), -1);
      ::close(number);
    }
  }
}

// A program that has no name (any more) can't be looked at through an overlay.
TEST_F(Isolation, RunsWithAHelperInSealedMemoryToo) {
  Fd nameless = builder::copy_to_sealed_memory(base::open_file("/proc/self/exe", O_RDONLY));
  options_.binary = cat("/proc/self/fd/", nameless.get());
  EXPECT_EQ(output_of("echo works"), "works\n");
}

TEST_F(Isolation, CannotUseTheProgramAsAnInterpreter) {
  SandboxSpec spec = spec_of("");
  write_file(make_directory("layer") + "/entry", "#!/proc/self/exe\n", 0755);
  overlay_of(spec).lowers.push_back(scratch_.path() + "/layer");
  spec.argv = {"/entry"};
  // Whether it runs depends on how it is linked; either way it is no success and the file stays.
  Ran ran = run(spec);
  EXPECT_FALSE(ran.result.success());
}

TEST_F(Isolation, DoesNotKnowItsOwnersEnvironment) {
  options_.environment.emplace_back("OWNERS_TOKEN=hush");
  EXPECT_EQ(output_of("cat /proc/*/environ 2>/dev/null | grep -c hush || true; env | grep -c TOKEN "
                      "|| true"),
            "0\n0\n");
}

}  // namespace
}  // namespace slipway::tests
