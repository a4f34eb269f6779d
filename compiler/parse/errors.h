// Private to compiler/parse: what happens when the grammar does not fit. ANTLR's wording is never shown.
//
// Policies are written one item a line, so recovery goes by layout: after an error everything up to the next line that
// begins an item at the same depth (or the bracket that ends them) is left out, and reading goes on there. No token is
// ever guessed.
#pragma once

#include <string>
#include <vector>

#include "antlr4-runtime.h"
#include "compiler/diagnostics/diagnostics.h"
#include "compiler/parse/tokens.h"

namespace writ::parse {

class PolicyErrors : public antlr4::DefaultErrorStrategy {
 public:
  // All references outlive the strategy.
  PolicyErrors(const std::vector<Layout>& layout, uint32_t file, const Offsets& offsets, diagnostics::Sink& sink)
      : layout_(layout), file_(file), offsets_(offsets), sink_(sink) {}

  void reportError(antlr4::Parser* parser, const antlr4::RecognitionException& error) override;
  void recover(antlr4::Parser* parser, std::exception_ptr error) override;
  antlr4::Token* recoverInline(antlr4::Parser* parser) override;
  void sync(antlr4::Parser* parser) override;

 private:
  void Explain(antlr4::Parser* parser, antlr4::Token* found, const antlr4::misc::IntervalSet& expected,
               const std::string& where);
  bool ReportCutShort(antlr4::Parser* parser, const antlr4::Token* found);
  // Skips to where an item may begin inside brackets of that depth.
  void Skip(antlr4::Parser* parser, uint32_t depth);
  bool BeginsItem(antlr4::Parser* parser, uint32_t depth) const;
  const Layout& LayoutOf(const antlr4::Token* token) const;

  const std::vector<Layout>& layout_;
  const uint32_t file_;
  const Offsets& offsets_;
  diagnostics::Sink& sink_;
  size_t last_token_ = static_cast<size_t>(-1), last_state_ = static_cast<size_t>(-1);
  size_t rewound_ = static_cast<size_t>(-1);  // the token that was read again last: once is enough
};

}  // namespace writ::parse
