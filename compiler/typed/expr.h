// What check/ and lower/ both do with typed expressions: copy them, and tell whether two say the same.
#pragma once

#include <string>

#include "compiler/typed/typed.h"
#include "runtime/decision/words.h"

namespace writ::typed {

// What authors write for it.
const char* Word(TypeKind kind);
using writ::Word;                 // of an Effect
const char* Word(SlotRoot root);  // "" where it has no word of its own

// A deep copy; null stays null.
ExprPtr Clone(const ExprPtr& expr);
ExprPtr Clone(const Expr& expr);

// Two expressions with one text say the same, wherever they stand: no spans, no presence that narrowing took away.
// Also how `--dump=typed` prints them. Cost: linear in the tree.
std::string Text(const Expr& expr);
std::string Text(const Pattern& pattern);
std::string Text(const Fact& fact);

}  // namespace writ::typed
