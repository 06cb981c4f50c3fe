// Run when slipway is built: makes the database that copy_empty_database() hands out. An error ends
// it, and so the build, with the words of std::terminate.
#include <sqlite3.h>

#include "cache/db/empty_database.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    return 2;
  }
  // The log has random numbers in it, which would make each build of slipway another one.
  sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, 1, nullptr);
  slipway::cache::make_empty_database(argv[1]);
}
