#include "cache/db/empty_database.h"

#include "cache/db/connection.h"
#include "cache/db/schema.h"

namespace slipway::cache {

void make_empty_database(const std::string& path) {
  Connection connection(path, Connection::Open::kCreate);
  Transaction transaction(connection);
  create_tables(connection);
  transaction.commit();
}

}  // namespace slipway::cache
