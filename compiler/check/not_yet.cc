#include "compiler/check/not_yet.h"

namespace writ::check {
namespace {

class Finder {
 public:
  explicit Finder(diagnostics::Sink& sink) : sink_(sink) {}

  void All(const ast::Declarations& file) {
    for (const ast::Decomposition& node : file.decompositions) In(node);
  }

 private:
  void Say(ast::Span span, const char* what) { sink_.Report(span, diagnostics::kNotYet, what, "leave it out"); }

  void In(const ast::Decomposition& node) {
    for (const ast::Sub& sub : node.subs) {
      if (!sub.limits.empty()) Say(sub.limits[0].field.span, "up to");
    }
  }

  diagnostics::Sink& sink_;
};

}  // namespace

void NotYet(const std::vector<ast::File>& files, diagnostics::Sink& sink) {
  for (const ast::File& file : files) Finder(sink).All(file);
}

}  // namespace writ::check
