#include "builder/attest/licences.h"

#include <gtest/gtest.h>

namespace slipway::builder {
namespace {

TEST(Licences, ExpressionsOfKnownNamesStand) {
  EXPECT_EQ(spdx_licence("MIT").expression, "MIT");
  EXPECT_EQ(spdx_licence(" (mit or apache-2.0) and GPL-2.0+ ").expression,
            "(MIT OR Apache-2.0) AND GPL-2.0+");
  EXPECT_EQ(spdx_licence("GPL-2.0-only WITH Classpath-exception-2.0").expression,
            "GPL-2.0-only WITH Classpath-exception-2.0");
}

TEST(Licences, WhatIsNoExpressionIsQuoted) {
  for (const char* text : {"GPLv2+ and MIT", "MIT License", "MIT AND", "(MIT", "MIT)", "()", "+",
                           "MIT WITH nothing", "AND", "\xff", "LicenseRef-x"}) {
    SpdxLicence licence = spdx_licence(text);
    ASSERT_EQ(licence.references.size(), 1U) << text;
    EXPECT_EQ(licence.expression, licence.references[0].id);
    EXPECT_TRUE(licence.expression.starts_with("LicenseRef-")) << text;
    EXPECT_EQ(licence.references[0].text, text);
  }
}

TEST(Licences, NothingIsNoAssertion) {
  EXPECT_EQ(spdx_licence("").expression, "NOASSERTION");
  EXPECT_EQ(spdx_licence(" \n").expression, "NOASSERTION");
  EXPECT_TRUE(spdx_licence("UNKNOWN").references.empty());
}

TEST(Licences, DepthHasALimit) {
  std::string deep = std::string(400, '(') + "MIT" + std::string(400, ')');
  EXPECT_EQ(spdx_licence(deep).references.size(), 1U);
}

}  // namespace
}  // namespace slipway::builder
