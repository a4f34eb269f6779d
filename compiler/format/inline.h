// Private to compiler/format: what stands inside a declaration's line: runs of words, expressions, brackets.
//
// Every function writes the tokens [begin, end) in their order and each once, comments with them; layout is all that is
// chosen. A range that fits is written on one line, unless the author broke it where breaking is good (before an
// operator, an `else`, an item of a record or list, a clause in brackets): then it is broken there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "compiler/format/output.h"
#include "compiler/format/tokens.h"

namespace writ::format {

class Inline {
 public:
  explicit Inline(std::vector<Token> tokens);

  // ---------------------------------------------------------------- what only the tree knows; before Settle
  void MarkBraces(size_t open) { braces_[open] = Braces::kItems; }     // { a  b }: blanks inside
  void MarkPayload(size_t open) { braces_[open] = Braces::kPayload; }  // the same, and never opened over several lines
  void MarkItem(size_t item) { item_[item] = true; }                   // of such braces
  void MarkSign(size_t minus) { sign_[minus] = true; }                 // a minus that belongs to a number
  void MarkApart(size_t token) { apart_[token] = true; }               // a bracket with a blank before it
  // Leaves a comma out that says nothing.
  void Drop(size_t comma);
  bool IsDropped(size_t token) const { return dropped_[token]; }
  void Settle();

  // ---------------------------------------------------------------- questions
  const Token& operator[](size_t token) const { return tokens_[token]; }
  size_t size() const { return tokens_.size(); }
  bool Is(size_t token, absl::string_view text) const { return token < tokens_.size() && tokens_[token].text == text; }
  // The first token at or behind an offset.
  size_t At(uint32_t offset) const;
  size_t Width(size_t begin, size_t end) const;  // on one line, without the blanks before it
  size_t FirstWidth(size_t begin, size_t end) const;  // the same up to where the author broke the line
  bool OnOneLine(size_t begin, size_t end) const;  // no comment and no line break of the author inside
  // Whether it fits behind what stands on the line, with the brackets that close after it.
  bool Fits(const Output& out, size_t begin, size_t end) const;
  bool HasComments(size_t begin, size_t end) const;  // inside
  size_t gap(size_t token) const { return gap_[token]; }
  bool AllWritten() const;  // every token, once
  bool MayBegin(size_t token) const;  // a line: where that does not make another word of it

  // ---------------------------------------------------------------- writing
  // The comments and the empty lines above a token, at a column; none on top where it is the `first` in its braces,
  // none below where it is what is `closing` them.
  void Above(Output& out, size_t token, size_t column, bool first, bool closing = false);
  void LeaveAbove(size_t token) { above_done_[token] = true; }  // to a later Above
  void Put(Output& out, size_t token, size_t column);  // what has to go on the next line goes to that column
  void Flat(Output& out, size_t begin, size_t end, size_t column);
  // Words and brackets; commas may end a line, and it goes on at `column`.
  void Run(Output& out, size_t begin, size_t end, size_t column);
  // Operators on lines of their own hang to the left of what they join, down to `floor`.
  void Expr(Output& out, size_t begin, size_t end, size_t floor);
  // `lead` words, then an expression.
  void Clause(Output& out, size_t begin, size_t end, size_t lead, size_t column);

 private:
  enum class Braces : uint8_t { kNone, kTight, kItems, kPayload };

  void MarkRecords();
  void MarkAngles();
  void MarkOperators();
  void MarkBreaks();
  size_t GapBefore(size_t token) const;
  bool IsBinary(size_t token) const;
  bool IsPlainBound(size_t token, bool before) const;
  size_t Closing(size_t end) const;
  std::vector<size_t> Operators(size_t begin, size_t end) const;
  std::vector<size_t> Clauses(size_t begin, size_t end) const;
  std::vector<size_t> Items(size_t open) const;
  bool HasBreak(size_t first, size_t last) const;
  void Space(Output& out, size_t token) const;
  void Lead(Output& out, size_t token, size_t floor);

  void If(Output& out, size_t begin, size_t end, size_t floor);
  void Chain(Output& out, size_t begin, size_t end, const std::vector<size_t>& operators, size_t floor);
  void Bracket(Output& out, size_t open, size_t column);
  void Braced(Output& out, size_t open);
  void Listed(Output& out, size_t open);
  void Parenthesised(Output& out, size_t open);
  void Elements(Output& out, size_t open, const std::vector<size_t>& items, bool opened, bool keeps_breaks);

  std::vector<Token> tokens_;
  std::vector<Braces> braces_;
  std::vector<bool> item_, sign_, apart_, angle_, operator_, break_, above_done_, dropped_;
  std::vector<uint8_t> written_;
  std::vector<size_t> gap_;
  // Sums over the tokens before each.
  std::vector<size_t> width_sum_, comment_sum_, break_sum_;
};

}  // namespace writ::format
