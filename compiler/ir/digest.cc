#include <openssl/evp.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "compiler/ir/bytes.h"
#include "compiler/ir/ir.h"
#include "compiler/ir/schema_fields.h"
#include "runtime/builtins/check.h"

namespace writ::ir {

std::string Digest(const Program& program) {
  ByteWriter writer(ByteWriter::Content::kWhatDecides);
  writer.Raw("writ policy 1\n");
  Fields(writer, program);
  const std::string bytes = writer.Take();
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned int size_bytes = 0;
  WRIT_CHECK(EVP_Digest(bytes.data(), bytes.size(), hash, &size_bytes, EVP_sha256(), nullptr) == 1);
  const absl::string_view view(reinterpret_cast<const char*>(hash), size_bytes);
  return absl::StrCat("sha256:", absl::BytesToHexString(view));
}

}  // namespace writ::ir
