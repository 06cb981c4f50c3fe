#include <gtest/gtest.h>

#include "base/error.h"
#include "builder/export/export.h"

namespace slipway::builder {
namespace {

std::string error_of(const std::string& text) {
  try {
    parse_output(text);
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
    return error.message();
  }
  return "";
}

TEST(ParseOutput, ShortFormsMeanAFolderOrATarOnStandardOutput) {
  EXPECT_EQ(parse_output("out").kind, Output::Kind::kLocal);
  EXPECT_EQ(parse_output("out").destination, "out");
  EXPECT_EQ(parse_output("-").kind, Output::Kind::kTar);
}

TEST(ParseOutput, ReadsEveryKey) {
  Output output = parse_output(
      "type=oci,dest=x.tar,compression=zstd,compression-level=7,force-compression=true,oci-"
      "mediatypes=true,"
      "\"name=a,b\",annotation.org.x=y,tar=false");
  EXPECT_EQ(output.kind, Output::Kind::kOci);
  EXPECT_EQ(output.destination, "x.tar");
  EXPECT_EQ(output.compression, LayerCompression::kZstd);
  EXPECT_EQ(output.compression_level, 7);
  EXPECT_TRUE(output.force_compression);
  EXPECT_EQ(output.oci_media_types, true);
  EXPECT_EQ(output.names, (std::vector<std::string>{"a", "b"}));
  ASSERT_EQ(output.annotations.size(), 1);
  EXPECT_EQ(output.annotations[0].key, "org.x");
  EXPECT_EQ(output.annotations[0].value, "y");
  EXPECT_TRUE(output.as_directory);
}

TEST(ParseOutput, ADockerArchiveWithoutADestinationGoesIntoTheStore) {
  EXPECT_EQ(parse_output("type=docker").kind, Output::Kind::kImage);
  EXPECT_EQ(parse_output("type=docker,dest=-").kind, Output::Kind::kDocker);
}

TEST(ParseOutput, AnnotationsSayWhereTheyGo) {
  Output output = parse_output(
      "type=oci,dest=x,annotation-index.a.b=c,annotation-manifest[linux/arm64].d=e,"
      "annotation-manifest-descriptor.f=g=h");
  ASSERT_EQ(output.annotations.size(), 3);
  EXPECT_EQ(output.annotations[0].level, Annotation::Level::kIndex);
  EXPECT_EQ(output.annotations[0].key, "a.b");
  EXPECT_EQ(output.annotations[1].platform->text(), "linux/arm64");
  EXPECT_EQ(output.annotations[1].key, "d");
  EXPECT_EQ(output.annotations[2].level, Annotation::Level::kManifestDescriptor);
  EXPECT_EQ(output.annotations[2].value, "g=h");
  EXPECT_NE(error_of("type=oci,annotation-layer.a=b").find("unknown place \"layer\""),
            std::string::npos);
  EXPECT_NE(error_of("type=oci,annotation=b").find("an annotation needs a key"), std::string::npos);
  EXPECT_NE(error_of("type=oci,annotation-index[linux.a=b").find("a ] is missing"),
            std::string::npos);
}

TEST(ParseOutput, AnnotationFlagsMayNameSeveralPlaces) {
  std::vector<Annotation> found = parse_annotations("index,manifest[linux/amd64]:key=a:b=c");
  ASSERT_EQ(found.size(), 2);
  EXPECT_EQ(found[0].level, Annotation::Level::kIndex);
  EXPECT_EQ(found[1].platform->text(), "linux/amd64");
  EXPECT_EQ(found[1].key, "key");
  EXPECT_EQ(found[1].value, "a:b=c");
  EXPECT_EQ(parse_annotations("key=value")[0].level, Annotation::Level::kManifest);
}

TEST(ParseOutput, NamesWhatIsWrongAndWhatWasMeant) {
  EXPECT_NE(error_of("type=ocl").find("unknown type \"ocl\" (did you mean oci?)"),
            std::string::npos);
  EXPECT_NE(error_of("type=oci,dst=x").find("unknown key \"dst\" (did you mean dest?)"),
            std::string::npos);
  EXPECT_NE(error_of("type=local").find("dest is required"), std::string::npos);
  EXPECT_NE(error_of("type=image,push=maybe").find("push=maybe"), std::string::npos);
  EXPECT_NE(error_of("type=oci,compression=lzma").find("compression=lzma"), std::string::npos);
}

}  // namespace
}  // namespace slipway::builder
