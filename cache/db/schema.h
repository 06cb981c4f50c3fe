#pragma once

namespace slipway::cache {

// The statements that make an empty database. A change that an older slipway would not understand
// needs a new kStoreFormat (session/layout.h).
extern const char* const kSchema;
// The tables that came with format 2; does nothing where they are.
extern const char* const kSchema2;
// And with formats 3 to 7.
extern const char* const kSchema3;
extern const char* const kSchema4;
extern const char* const kSchema5;
extern const char* const kSchema6;
extern const char* const kSchema7;

}  // namespace slipway::cache
