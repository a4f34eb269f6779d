#include "compiler/typed/expr.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace writ::typed {
namespace {

const char* Word(ExprKind kind) {
  switch (kind) {
    case ExprKind::kConstant:
      return "const";
    case ExprKind::kSlot:
      return "slot";
    case ExprKind::kVariable:
      return "var";
    case ExprKind::kMember:
      return "member";
    case ExprKind::kDeref:
      return "deref";
    case ExprKind::kNot:
      return "not";
    case ExprKind::kAnd:
      return "and";
    case ExprKind::kOr:
      return "or";
    case ExprKind::kEqual:
      return "==";
    case ExprKind::kNotEqual:
      return "!=";
    case ExprKind::kLess:
      return "<";
    case ExprKind::kLessEqual:
      return "<=";
    case ExprKind::kIs:
      return "is";
    case ExprKind::kIn:
      return "in";
    case ExprKind::kHas:
      return "has";
    case ExprKind::kCoalesce:
      return "??";
    case ExprKind::kIf:
      return "if";
    case ExprKind::kAdd:
      return "+";
    case ExprKind::kSubtract:
      return "-";
    case ExprKind::kMultiply:
      return "*";
    case ExprKind::kNegate:
      return "neg";
    case ExprKind::kRound:
      return "round";
    case ExprKind::kDivide:
      return "/";
    case ExprKind::kSetLiteral:
      return "set";
    case ExprKind::kQuantifier:
      return "over";
    case ExprKind::kLookup:
      return "lookup";
    case ExprKind::kEntityLookup:
      return "entity";
    case ExprKind::kElementAt:
      return "element";
    case ExprKind::kFact:
      return "fact";
    case ExprKind::kSays:
      return "says";
    case ExprKind::kVotes:
      return "votes";
    case ExprKind::kKeyedFact:
      return "keyed";
    case ExprKind::kMatch:
      return "match";
    case ExprKind::kCalendar:
      return "calendar";
    case ExprKind::kUnder:
      return "under";
  }
  return "?";
}

const char* Word(QuantifierOp op) {
  switch (op) {
    case QuantifierOp::kAny:
      return "any";
    case QuantifierOp::kAll:
      return "all";
    case QuantifierOp::kCount:
      return "count";
    case QuantifierOp::kSum:
      return "sum";
    case QuantifierOp::kMin:
      return "min";
    case QuantifierOp::kMax:
      return "max";
    case QuantifierOp::kDistinct:
      return "distinct";
  }
  return "?";
}

bool HasIndex(SlotRoot root) {
  return root == SlotRoot::kBefore || root == SlotRoot::kAfter || root == SlotRoot::kPayload;
}

const char* Word(Rounding rounding) {
  switch (rounding) {
    case Rounding::kNone:
      return "none";
    case Rounding::kDown:
      return "down";
    case Rounding::kUp:
      return "up";
    case Rounding::kHalfEven:
      return "half_even";
  }
  return "?";
}

std::string Digits(Num number) {
  if (number == 0) return "0";
  const bool negative = number < 0;
  std::string digits;
  for (; number != 0; number /= 10) {
    const int digit = static_cast<int>(number % 10);
    digits.push_back(static_cast<char>('0' + (digit < 0 ? -digit : digit)));
  }
  if (negative) digits.push_back('-');
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::string ConstantText(const Expr& e) {
  if (e.type.type.kind == TypeKind::kString || e.type.type.kind == TypeKind::kReference) {
    return absl::StrCat("\"", absl::CEscape(e.text), "\"");
  }
  return absl::StrCat(Digits(e.number), ":", static_cast<int>(e.type.type.kind),
                      e.type.type.index == UINT32_MAX ? "" : absl::StrCat(".", e.type.type.index));
}

std::string RootText(const Expr& e) {
  const std::string word = typed::Word(e.root);
  if (word.empty()) return "root";
  return HasIndex(e.root) ? absl::StrCat(word, " ", e.index) : word;
}

std::string Head(const Expr& e) {
  switch (e.kind) {
    case ExprKind::kConstant:
      return ConstantText(e);
    case ExprKind::kSlot:
      return RootText(e);
    case ExprKind::kVariable:
      return absl::StrCat("var ", e.variable);
    case ExprKind::kMember:
    case ExprKind::kEntityLookup:
    case ExprKind::kElementAt:
    case ExprKind::kFact:
    case ExprKind::kKeyedFact:
      return absl::StrCat(Word(e.kind), " ", e.index);
    case ExprKind::kMatch:
      return absl::StrCat(e.part == 0 ? "like " : "matches ", absl::CEscape(e.text));
    case ExprKind::kCalendar:
      return absl::StrCat(Word(e.kind), " ", e.index, " ", e.part, " ", e.part2);
    case ExprKind::kDeref:
      return absl::StrCat("deref ", e.part, " ", e.index);
    case ExprKind::kSays:
    case ExprKind::kVotes:
      return absl::StrCat(Word(e.kind), " ", e.index, " ", e.part, " ", e.part2);
    case ExprKind::kRound:
      return absl::StrCat("round ", Word(e.rounding));
    case ExprKind::kDivide:
      return absl::StrCat("/ ", Digits(e.number));
    case ExprKind::kQuantifier:
      return absl::StrCat(Word(e.op), " var ", e.variable,
                          e.variable2 != UINT32_MAX ? absl::StrCat(" then ", e.variable2) : "");
    default:
      return Word(e.kind);
  }
}

void AppendList(const char* title, const std::vector<std::string>& items, std::string* out) {
  if (!items.empty()) absl::StrAppend(out, title);
  for (const std::string& item : items) absl::StrAppend(out, " ", item);
}

}  // namespace

const char* Word(TypeKind kind) {
  static constexpr const char* kWords[] = {"bool",     "int",    "percent",   "money",  "quantity",
                                           "duration", "time",   "date",      "string", "enum",
                                           "role",     "record", "reference", "set",    "list"};
  static_assert(std::size(kWords) == static_cast<size_t>(TypeKind::kList) + 1);
  return kWords[static_cast<size_t>(kind)];
}

const char* Word(SlotRoot root) {
  switch (root) {
    case SlotRoot::kBefore:
      return "before";
    case SlotRoot::kAfter:
      return "after";
    case SlotRoot::kPayload:
      return "payload";
    case SlotRoot::kThisKey:
      return "this";
    case SlotRoot::kNow:
      return "now";
    case SlotRoot::kState:
      return "state";
    case SlotRoot::kActorId:
      return "actor";
    case SlotRoot::kActorPrincipal:
      return "actor.principal";
    case SlotRoot::kActorRole:
      return "actor.role";
    case SlotRoot::kActorIsHuman:
      return "actor.human";
    case SlotRoot::kActorField:
      return "actor.attribute";
    default:
      return "";
  }
}

ExprPtr Clone(const Expr& e) {
  auto copy = std::make_unique<Expr>();
  copy->kind = e.kind;
  copy->type = e.type;
  copy->span = e.span;
  copy->number = e.number;
  copy->text = e.text;
  copy->root = e.root;
  copy->index = e.index;
  copy->part = e.part;
  copy->part2 = e.part2;
  copy->variable = e.variable;
  copy->variable2 = e.variable2;
  copy->op = e.op;
  copy->rounding = e.rounding;
  copy->children.reserve(e.children.size());
  for (const ExprPtr& child : e.children) copy->children.push_back(Clone(child));
  return copy;
}

ExprPtr Clone(const ExprPtr& expr) { return expr == nullptr ? nullptr : Clone(*expr); }

std::string Text(const Expr& e) {
  if (e.children.empty() && e.kind != ExprKind::kSetLiteral) return Head(e);
  std::string out = absl::StrCat("(", Head(e));
  for (const ExprPtr& child : e.children) absl::StrAppend(&out, " ", child == nullptr ? "_" : Text(*child));
  if (e.type.scale != 0) absl::StrAppend(&out, " @", static_cast<int>(e.type.scale));
  return absl::StrCat(out, ")");
}

std::string Text(const Pattern& pattern) {
  std::string out = "[";
  std::vector<std::string> transitions, roles;
  for (TransitionId t : pattern.transitions) transitions.push_back(absl::StrCat(t.value));
  for (RoleId r : pattern.by) roles.push_back(absl::StrCat(r.value));
  if (pattern.by_orchestrator) roles.push_back("orchestrator");
  AppendList("transitions", transitions, &out);
  AppendList(" by", roles, &out);
  if (pattern.where != nullptr) absl::StrAppend(&out, " where ", Text(*pattern.where));
  return absl::StrCat(out, "]");
}

std::string Text(const Fact& fact) {
  static constexpr const char* kKinds[] = {"happened", "count", "sum", "min", "max", "last", "population"};
  std::string out = absl::StrCat("workflow ", fact.workflow.value, " ", fact.refused ? "refused " : "",
                                 kKinds[static_cast<int>(fact.kind)], " ", Text(fact.pattern));
  if (fact.value != nullptr) absl::StrAppend(&out, " value ", Text(*fact.value));
  if (fact.within_ns != 0) absl::StrAppend(&out, " within ", fact.within_ns);
  if (fact.capacity != 0) absl::StrAppend(&out, " max ", fact.capacity);
  if (fact.since.has_value()) absl::StrAppend(&out, " since ", Text(*fact.since));
  if (fact.this_round) absl::StrAppend(&out, " this_round");
  for (const StateId state : fact.states) absl::StrAppend(&out, " in ", state.value);
  if (fact.keyed.valid()) absl::StrAppend(&out, " keyed ", fact.keyed.value);
  for (const ExprPtr& part : fact.key) absl::StrAppend(&out, " per ", Text(*part));
  return out;
}

}  // namespace writ::typed
