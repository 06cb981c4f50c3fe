#include "builder/sandbox/sandbox.h"

// The helper as a program of its own, for tests.
int main(int argc, char** argv) {
  if (slipway::builder::is_sandbox_helper(argc, argv)) {
    return slipway::builder::sandbox_helper_main(argc, argv);
  }
  return 2;
}
