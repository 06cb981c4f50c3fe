// Run when slipway is built: makes the database that copy_empty_database() hands out.
#include <iostream>

#include <sqlite3.h>

#include "base/error.h"
#include "cache/db/empty_database.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: make_empty_database FILE\n";
    return 2;
  }
  // The log has random numbers in it, which would make each build of slipway another one.
  sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, 1, nullptr);
  try {
    slipway::cache::make_empty_database(argv[1]);
  } catch (const slipway::base::Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
