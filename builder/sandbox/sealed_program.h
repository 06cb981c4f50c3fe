#pragma once

#include <string>

#include "base/fd.h"

namespace slipway::builder {

// Opens the program for execution in a way that gives nobody a writable handle on the file: a step
// can reach the helper's program (an image may name /proc/self/exe as an interpreter), and must not
// be able to write to it. The descriptor leads through a read-only overlay of its own with no upper
// directory; where that can't be had, to a sealed copy in memory.
base::Fd open_sealed_program(const std::string& path);
// The copy alone; for tests.
base::Fd copy_to_sealed_memory(const base::Fd& program);

}  // namespace slipway::builder
