#include "compiler/ir/ir.h"

#include <array>
#include <cctype>

#include "runtime/builtins/check.h"

namespace writ::ir {
namespace {

// ops.def says `LtNum`, the text form `lt_num`.
std::string SnakeCase(std::string_view pascal) {
  std::string snake;
  for (const char c : pascal) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper && !snake.empty()) snake.push_back('_');
    snake.push_back(upper ? static_cast<char>(c - 'A' + 'a') : c);
  }
  return snake;
}

struct OpTable {
  std::array<std::string, kOpCount> names = {
#define WRIT_OP(name, result, a, b, c) SnakeCase(#name),
#include "compiler/ir/ops.def"
#undef WRIT_OP
  };
  std::array<OpInfo, kOpCount> infos = {{
#define WRIT_OP(name, result, a, b, c) {nullptr, ValueType::k##result, {Operand::k##a, Operand::k##b, Operand::k##c}},
#include "compiler/ir/ops.def"
#undef WRIT_OP
  }};
  OpTable() {
    for (size_t i = 0; i < infos.size(); ++i) infos[i].name = names[i].c_str();
  }
};

}  // namespace

const OpInfo& InfoOf(Op op) {
  static const OpTable* const table = new OpTable();
  WRIT_CHECK(static_cast<int>(op) < kOpCount);
  return table->infos[static_cast<size_t>(op)];
}

}  // namespace writ::ir
