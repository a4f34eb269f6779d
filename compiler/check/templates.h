// Templates: what each `apply` makes of them, before anything else is checked.
//
// Input     the parsed files of a policy, those of the standard library that it imports among them.
// Output    one more file for each application, with declarations named package.instance.name. Names inside it mean what
//           they mean where the template is declared; what was given to a parameter means what it means where it was
//           written: a name carries the number of its file (symbols.h), and an instance has a number of its own.
// Errors    E0240 to E0253, in the sink; of an application with one, nothing comes. What is found later in an instance
//           is told at the template and at the application both (diagnostics.h).
// Order     the same whatever the order of files and declarations: by package and name of the instance.
// Cost      linear in what comes out, which kInstancesMax and kInstanceNodesMax bound.
// Source    docs/language/templates.md
#pragma once

#include <cstddef>
#include <vector>

#include "compiler/ast/ast.h"
#include "compiler/diagnostics/diagnostics.h"
#include "compiler/source/source.h"

namespace writ::check {

inline constexpr size_t kTemplateDepthMax = 16;         // templates that apply templates
inline constexpr size_t kInstancesMax = 10'000;         // of all templates
inline constexpr size_t kInstanceNodesMax = 2'000'000;  // words and operations in all of them

void ExpandTemplates(std::vector<ast::File>* files, source::SourceSet& sources, diagnostics::Sink& sink);

}  // namespace writ::check
