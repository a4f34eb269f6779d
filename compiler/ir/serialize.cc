#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "compiler/ir/bytes.h"
#include "compiler/ir/ir.h"
#include "compiler/ir/schema_fields.h"

namespace writ::ir {
namespace {

constexpr std::string_view kMagic("WRIT-IR\x02", 8);  // its last byte is the version of schema_fields.h

}  // namespace

std::string Serialize(const Program& program) {
  ByteWriter writer(ByteWriter::Content::kEverything);
  writer.Raw(kMagic);
  Fields(writer, program);
  return writer.Take();
}

absl::StatusOr<Program> Deserialize(std::string_view bytes) {
  ByteReader reader(bytes);
  Program program;
  reader.Raw(kMagic);
  Fields(reader, program);
  if (!reader.ok() || !reader.at_end()) return absl::InvalidArgumentError("these bytes are not a serialized policy");
  const std::vector<std::string> faults = Verify(program);
  if (!faults.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("the serialized policy is malformed: ", faults.front()));
  }
  return program;
}

}  // namespace writ::ir
