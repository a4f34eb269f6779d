// The combining algorithm (runtime/decision/combine.cc) as terms: a Boolean for each restraint instead of a bit.
#include "compiler/smt/planted_faults.h"
#include "compiler/smt/terms.h"

namespace writ::smt {
namespace {

z3::expr AnyOf(z3::context* context, const std::vector<z3::expr>& terms) {
  z3::expr_vector parts(*context);
  for (const z3::expr& term : terms) parts.push_back(term);
  return z3::mk_or(parts);
}

bool Excuses(const Allow& allow, size_t restraint) {
  if (Planted(Fault::kAllowRowShifted)) restraint = restraint == 0 ? 63 : restraint - 1;
  return restraint / 64 < allow.excuses.size() && (allow.excuses[restraint / 64] >> (restraint % 64) & 1) != 0;
}

Effect EffectOf(const Function& function, size_t restraint) { return function.restraints[restraint].effect; }

struct Standing {
  std::vector<z3::expr> of_restraint;
  z3::expr deny, hold, escalate, gate;
};

Standing StandingOf(const Function& function, const DecisionTerms& decision, const std::vector<z3::expr>& allowing,
                    z3::context* context) {
  Standing standing{
      {}, context->bool_val(false), context->bool_val(false), context->bool_val(false), context->bool_val(false)};
  for (size_t i = 0; i < function.restraints.size(); ++i) {
    std::vector<z3::expr> excuses;
    for (size_t j = 0; j < function.allows.size(); ++j) {
      if (Excuses(function.allows[j], i)) excuses.push_back(allowing[j]);
    }
    const z3::expr stands = decision.applied[i] && !AnyOf(context, excuses);
    standing.of_restraint.push_back(stands);
    const Effect effect = EffectOf(function, i);
    if (effect == Effect::kUpon && !Planted(Fault::kUponRestrains)) continue;  // it changes no outcome
    z3::expr& of_effect = effect == Effect::kDeny   ? standing.deny
                          : effect == Effect::kHold ? standing.hold
                                                    : standing.escalate;
    of_effect = of_effect || stands;
    if (function.restraints[i].gate && !Planted(Fault::kGateIgnored)) standing.gate = standing.gate || stands;
  }
  return standing;
}

z3::expr Speaks(const Function& function, size_t restraint, const Standing& standing) {
  const Effect effect = EffectOf(function, restraint);
  z3::expr speaks = standing.of_restraint[restraint];
  if (effect == Effect::kUpon) return speaks && !speaks;
  if (effect != Effect::kDeny) speaks = speaks && !standing.deny;
  if (effect == Effect::kEscalate) speaks = speaks && !standing.hold;
  if (!function.restraints[restraint].gate) speaks = speaks && !standing.gate;
  return speaks;
}

z3::expr UsedAllow(const Function& function, size_t allow, const z3::expr& applies, const DecisionTerms& decision,
                   z3::context* context) {
  if (Planted(Fault::kUnusedAllowListed)) return applies;
  std::vector<z3::expr> hits;
  for (size_t i = 0; i < function.restraints.size(); ++i) {
    if (Excuses(function.allows[allow], i)) hits.push_back(decision.applied[i]);
  }
  return applies && AnyOf(context, hits);
}

}  // namespace

DecisionTerms Combine(const Function& function, const ir::Code& code, const Terms& terms, z3::context* context) {
  DecisionTerms decision{context->int_val(0), {}, {}, {}, {}, {}};
  std::vector<z3::expr> allowing;
  for (const ir::Guard& guard : code.restraints) {
    decision.applied.push_back(terms.At(guard.applies));
    decision.fails.push_back(Planted(Fault::kFailsDropped) ? context->bool_val(false) : terms.At(guard.fails));
  }
  for (const ir::Guard& guard : code.allows) {
    allowing.push_back(terms.At(guard.applies));
    decision.allow_fails.push_back(terms.At(guard.fails));
  }
  const Standing standing = StandingOf(function, decision, allowing, context);
  for (size_t i = 0; i < function.restraints.size(); ++i) decision.reasons.push_back(Speaks(function, i, standing));
  for (size_t j = 0; j < function.allows.size(); ++j) {
    decision.allows.push_back(UsedAllow(function, j, allowing[j], decision, context));
  }
  const auto number = [context](Outcome outcome) { return context->int_val(static_cast<int>(outcome)); };
  decision.outcome = z3::ite(standing.deny, number(Outcome::kDeny),
                             z3::ite(standing.hold, number(Outcome::kHold),
                                     z3::ite(standing.escalate, number(Outcome::kEscalate), number(Outcome::kPermit))));
  return decision;
}

}  // namespace writ::smt
