#include "tests/agreement/sugar.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/check/check.h"
#include "compiler/eval/interpreter.h"
#include "compiler/load/load.h"
#include "compiler/lower/lower.h"
#include "compiler/native/samples.h"
#include "runtime/frame/frame.h"
#include "runtime/state/state.h"

namespace writ::agreement {
namespace {

using samples::Random;

constexpr size_t kMembersMax = 5;
constexpr size_t kRules = 4;
constexpr uint32_t kNumbersEnd = 20;  // of `n: int in 0..20`

// The same twice: with the construct, and without it.
struct Twice {
  std::string with, without;
  void Add(const std::string& both) { Add(both, both); }
  void Add(const std::string& one, const std::string& other) {
    with += one;
    without += other;
  }
};

// What is proposed: a value for each field of the two workflows.
struct Pair {
  std::map<std::string, store::Value> with, without;  // by field
  void Both(const std::string& field, const store::Value& value) { with[field] = without[field] = value; }
};

std::string Member(size_t i) { return absl::StrCat("e", i); }

template <class T>
void Shuffle(std::vector<T>* list, Random* random) {
  for (size_t i = list->size(); i > 1; --i) std::swap((*list)[i - 1], (*list)[random->Below(static_cast<uint32_t>(i))]);
}

// One law: declarations, fields and conditions, and what is proposed.
class Maker {
 public:
  explicit Maker(Random* random) : random_(*random), members_(2 + random->Below(kMembersMax - 1)) {}
  virtual ~Maker() = default;
  virtual void Declare(Twice* out) = 0;
  virtual void Fields(std::vector<std::pair<std::string, std::string>>* with,
                      std::vector<std::pair<std::string, std::string>>* without) = 0;
  virtual void Condition(Twice* out) = 0;
  virtual void Draw(Random* random, Pair* out) = 0;

  size_t members() const { return members_; }

 protected:
  // Mostly small; sometimes so large that a sum or a product of two leaves 64 bits.
  static store::Value AnyInt(Random* random) {
    return store::Value(random->OneIn(4) ? INT64_MAX - random->Below(3) : static_cast<int64_t>(random->Below(9)) - 2);
  }
  // A condition of two numbers without a range, which can be unknown.
  std::string MaybeUnknown() { return absl::StrCat("x ", random_.OneIn(2) ? "+" : "*", " y > ", random_.Below(6)); }

  Random& random_;
  const size_t members_;
};

// ---------------------------------------------------------------- tables

// Each parameter's cases fall into groups; a row names one group of each, or anything.
class TableMaker : public Maker {
 public:
  using Maker::Maker;

  void Declare(Twice* out) override {
    const size_t count = 1 + random_.Below(3);
    static constexpr Kind kKinds[] = {Kind::kMember, Kind::kNumber, Kind::kTruth, Kind::kText};
    std::vector<Kind> kinds(std::begin(kKinds), std::end(kKinds));
    Shuffle(&kinds, &random_);
    for (size_t p = 0; p < count; ++p) parameters_.push_back(Parameter(kinds[p]));
    is_truth_ = random_.OneIn(4);
    Rows(0, {});
    Shuffle(&rows_, &random_);
    if (rows_.size() > 1) out->with += Table();
  }

  void Fields(std::vector<std::pair<std::string, std::string>>* with,
              std::vector<std::pair<std::string, std::string>>* without) override {
    *with = {{"e", "E"}, {"n", absl::StrCat("int in 0..", kNumbersEnd)}, {"s", "string max 4"}, {"x", "int"}, {"y", "int"}};
    *without = *with;
  }

  // A chain whose last row needs no question: the rows say all there is.
  void Condition(Twice* out) override {
    if (rows_.size() < 2) return out->Add("x > y");  // one row is no table
    const std::string truth = random_.OneIn(2) ? MaybeUnknown() : "x > y";
    std::vector<std::string> arguments;
    for (const Column& p : parameters_) arguments.push_back(p.kind == Kind::kTruth ? truth : std::string(Name(p.kind)));
    std::vector<Row> rows = rows_;
    Shuffle(&rows, &random_);
    std::string chain = "(";
    for (size_t r = 0; r + 1 < rows.size(); ++r)
      absl::StrAppend(&chain, "if ", Holds(rows[r], truth), " then ", Cell(rows[r], true), " else ");
    absl::StrAppend(&chain, Cell(rows.back(), true), ")");
    const std::string call = absl::StrCat("t(", absl::StrJoin(arguments, ", "), ")");
    static constexpr const char* kAsked[] = {" > ", " <= ", " == "};
    const std::string asked = is_truth_ ? "" : absl::StrCat(kAsked[random_.Below(3)], random_.Below(9));
    const std::string negated = is_truth_ && random_.OneIn(2) ? "not " : "";
    out->Add(negated + call + asked, negated + chain + asked);
  }

  void Draw(Random* random, Pair* out) override {
    static constexpr const char* kTexts[] = {"a", "b", "c", ""};
    out->Both("e", store::Value(static_cast<int64_t>(random->Below(static_cast<uint32_t>(members_)))));
    out->Both("n", store::Value(static_cast<int64_t>(random->Below(kNumbersEnd + 1))));
    out->Both("s", store::Value(std::string(kTexts[random->Below(4)])));
    out->Both("x", AnyInt(random));
    out->Both("y", AnyInt(random));
  }

 private:
  enum class Kind { kMember, kNumber, kTruth, kText };
  struct Group { std::string key, holds; };  // as a key of the table, and as a condition on `#`
  struct Column { Kind kind; std::vector<Group> groups; };
  struct Row { std::vector<int> groups; int value; };  // -1: anything

  static const char* Name(Kind kind) {
    static constexpr const char* kNames[] = {"e", "n", "b", "s"};
    return kNames[static_cast<int>(kind)];
  }

  Column Parameter(Kind kind) {
    Column out{kind, {}};
    if (kind == Kind::kTruth) out.groups = {{"true", "(#)"}, {"false", "not (#)"}};
    if (kind == Kind::kText) {
      out.groups = {{"\"a\"", "# == \"a\""}, {"\"b\"", "# == \"b\""}, {"otherwise", "not (# == \"a\" or # == \"b\")"}};
    }
    if (kind == Kind::kNumber) {
      for (uint32_t from = 0; from <= kNumbersEnd;) {
        const uint32_t to = std::min(kNumbersEnd, from + 1 + random_.Below(12));
        out.groups.push_back({absl::StrCat(from, "..", to), absl::StrCat("(# >= ", from, " and # <= ", to, ")")});
        from = to + 1;
      }
    }
    if (kind == Kind::kMember) out.groups = Members();
    return out;
  }

  std::vector<Group> Members() {
    std::vector<std::vector<size_t>> groups;
    for (size_t m = 0; m < members_; ++m) {
      if (groups.empty() || random_.OneIn(2)) groups.emplace_back();
      groups[random_.Below(static_cast<uint32_t>(groups.size()))].push_back(m);
    }
    std::erase_if(groups, [](const std::vector<size_t>& group) { return group.empty(); });
    const bool otherwise = groups.size() > 1 && random_.OneIn(3);
    std::vector<Group> out;
    for (const std::vector<size_t>& group : groups) {
      std::vector<std::string> names, asked;
      for (const size_t m : group) {
        names.push_back(Member(m));
        asked.push_back(absl::StrCat("# == ", Member(m)));
      }
      const bool is_last = out.size() + 1 == groups.size();
      std::string key = names.size() == 1 ? names[0] : absl::StrCat("({", absl::StrJoin(names, ", "), "})");
      out.push_back({is_last && otherwise ? "otherwise" : std::move(key), absl::StrCat("(", absl::StrJoin(asked, " or "), ")")});
    }
    return out;
  }

  // All combinations, where a parameter may stand for itself or be anything.
  void Rows(size_t parameter, std::vector<int> groups) {
    if (parameter == parameters_.size()) {
      rows_.push_back({std::move(groups), static_cast<int>(random_.Below(10))});
      return;
    }
    const bool anything = parameters_[parameter].groups.size() == 1 || (parameter > 0 && random_.OneIn(4));
    const int count = static_cast<int>(parameters_[parameter].groups.size());
    for (int g = anything ? -1 : 0; g < (anything ? 0 : count); ++g) {
      std::vector<int> more = groups;
      more.push_back(g);
      Rows(parameter + 1, std::move(more));
    }
  }

  bool HasNumber() const {
    return std::any_of(parameters_.begin(), parameters_.end(), [](const Column& p) { return p.kind == Kind::kNumber; });
  }

  std::string Cell(const Row& row, bool in_chain) const {
    if (is_truth_) return row.value % 2 == 0 ? "true" : "false";
    if (row.value < 7 || !HasNumber()) return absl::StrCat(row.value);
    return absl::StrCat(in_chain ? "" : "(", "n + ", row.value, in_chain ? "" : ")");
  }

  std::string Holds(const Row& row, const std::string& truth) const {
    std::vector<std::string> all;
    for (size_t p = 0; p < parameters_.size(); ++p) {
      if (row.groups[p] < 0) continue;
      const Column& column = parameters_[p];
      std::string one = column.groups[static_cast<size_t>(row.groups[p])].holds;
      const std::string name = column.kind == Kind::kTruth ? truth : Name(column.kind);
      for (size_t at = one.find('#'); at != std::string::npos; at = one.find('#', at + name.size())) one.replace(at, 1, name);
      all.push_back(std::move(one));
    }
    return all.empty() ? "true" : absl::StrCat("(", absl::StrJoin(all, " and "), ")");
  }

  std::string Table() const {
    static constexpr const char* kTypes[] = {"E", "int in 0..20", "bool", "string max 4"};
    std::vector<std::string> heads;
    for (const Column& p : parameters_) heads.push_back(absl::StrCat(Name(p.kind), ": ", kTypes[static_cast<int>(p.kind)]));
    std::string out = absl::StrCat("table t(", absl::StrJoin(heads, ", "), ") -> ", is_truth_ ? "bool" : "int", " {\n");
    for (const Row& row : rows_) {
      std::vector<std::string> keys;
      for (size_t p = 0; p < parameters_.size(); ++p)
        keys.push_back(row.groups[p] < 0 ? "_" : parameters_[p].groups[static_cast<size_t>(row.groups[p])].key);
      absl::StrAppend(&out, "  ", absl::StrJoin(keys, ", "), ": ", Cell(row, false), "\n");
    }
    return out + "}\n";
  }

  std::vector<Column> parameters_;
  std::vector<Row> rows_;
  bool is_truth_ = false;
};

// ---------------------------------------------------------------- a value for each member

class PerMaker : public Maker {
 public:
  using Maker::Maker;

  void Declare(Twice*) override {}

  void Fields(std::vector<std::pair<std::string, std::string>>* with,
              std::vector<std::pair<std::string, std::string>>* without) override {
    *with = {{"e", "E"}, {"x", "int"}, {"v", "int in 0..9 per E"}, {"w", "int in 0..9? per E"}};
    *without = {{"e", "E"}, {"x", "int"}};
    for (size_t m = 0; m < members_; ++m) {
      without->emplace_back(absl::StrCat("v", m), "int in 0..9");
      without->emplace_back(absl::StrCat("w", m), "int in 0..9?");
    }
  }

  void Condition(Twice* out) override {
    const uint32_t number = random_.Below(10);
    const size_t member = random_.Below(static_cast<uint32_t>(members_));
    switch (random_.Below(6)) {
      case 0: return out->Add(absl::StrCat("v[e] > ", number), absl::StrCat(Chosen("v#"), " > ", number));
      case 1: return out->Add(absl::StrCat("(w[e] ?? 4) <= ", number), absl::StrCat(Chosen("w# ?? 4"), " <= ", number));
      case 2: return out->Add("has w[e]", Chosen("has w#"));
      case 3: return out->Add(absl::StrCat("v[e] * x > ", number), absl::StrCat(Chosen("v#"), " * x > ", number));
      case 4: return out->Add(absl::StrCat("w[e] is ", number), Chosen(absl::StrCat("w# is ", number)));
      default:
        return out->Add(absl::StrCat("v[", Member(member), "] == v.", Member(0)), absl::StrCat("v", member, " == v0"));
    }
  }

  void Draw(Random* random, Pair* out) override {
    out->Both("e", store::Value(static_cast<int64_t>(random->Below(static_cast<uint32_t>(members_)))));
    out->Both("x", AnyInt(random));
    store::Value::List all, some;
    for (size_t m = 0; m < members_; ++m) {
      all.emplace_back(static_cast<int64_t>(random->Below(10)));
      some.push_back(random->OneIn(3) ? store::Value() : store::Value(static_cast<int64_t>(random->Below(10))));
      out->without[absl::StrCat("v", m)] = all.back();
      out->without[absl::StrCat("w", m)] = some.back();
    }
    out->with["v"] = store::Value(std::move(all));
    out->with["w"] = store::Value(std::move(some));
  }

 private:
  // What `said` says of each member, chosen by `e`; the last needs no question.
  std::string Chosen(const std::string& said) {
    std::vector<size_t> order(members_);
    for (size_t m = 0; m < members_; ++m) order[m] = m;
    Shuffle(&order, &random_);
    std::string chain = "(";
    for (const size_t m : order) {
      std::string one = said;
      for (size_t at = one.find('#'); at != std::string::npos; at = one.find('#')) one.replace(at, 1, absl::StrCat(m));
      if (m != order.back()) absl::StrAppend(&chain, "if e == ", Member(m), " then ", one, " else ");
      else absl::StrAppend(&chain, one);
    }
    return chain + ")";
  }
};

// ---------------------------------------------------------------- quantities

class UnitMaker : public Maker {
 public:
  using Maker::Maker;

  void Declare(Twice* out) override { out->Add("unit mg 3\n", "unit ug 0\n"); }

  void Fields(std::vector<std::pair<std::string, std::string>>* with,
              std::vector<std::pair<std::string, std::string>>* without) override {
    *with = {{"e", "E"}, {"a", "quantity(mg) in 0mg .. 5mg"}, {"b", "quantity(mg)? in 0mg .. 2.5mg"}, {"c", "quantity(mg)"}};
    *without = {{"e", "E"}, {"a", "quantity(ug) in 0ug .. 5_000ug"}, {"b", "quantity(ug)? in 0ug .. 2_500ug"}, {"c", "quantity(ug)"}};
  }

  void Condition(Twice* out) override {
    Literal();
    switch (random_.Below(6)) {
      case 0: return Write("a >= ", out);
      case 1: return Write("a * 2 > (b ?? a) + ", out);
      case 2: return Write("round_half_even(a * 33%) <= ", out);
      case 3: return Write("round_down(a / 3) * 3 + (b ?? a) != ", out);
      case 4: return Write("c + a > ", out);
      default: return Write("b is ", out);
    }
  }

  void Draw(Random* random, Pair* out) override {
    out->Both("e", store::Value(int64_t{0}));
    out->Both("a", store::Value(static_cast<int64_t>(random->Below(5'001))));
    out->Both("b", random->OneIn(3) ? store::Value() : store::Value(static_cast<int64_t>(random->Below(6)) * 500));
    out->Both("c", AnyInt(random));
  }

 private:
  void Literal() { number_ = random_.OneIn(3) ? random_.Below(10) * 500 : random_.Below(5'001); }

  void Write(const std::string& front, Twice* out) const {
    std::string parts = absl::StrCat(number_ % 1000);
    parts.insert(0, 3 - parts.size(), '0');
    out->Add(absl::StrCat(front, number_ / 1000, ".", parts, "mg"), absl::StrCat(front, number_, "ug"));
  }

  uint32_t number_ = 0;
};

// ---------------------------------------------------------------- the two policies

std::string FieldLines(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string out;
  for (const auto& [name, type] : fields) absl::StrAppend(&out, "  ", name, ": ", type, "\n");
  return out;
}

std::string SetNames(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::vector<std::string> names;
  for (const auto& [name, type] : fields) {
    const bool optional = !type.empty() && type.find('?') != std::string::npos && type.find("per") == std::string::npos;
    names.push_back(name + (optional ? "?" : ""));
  }
  return absl::StrJoin(names, ", ");
}

Twice PoliciesOf(Maker* maker, Random* random) {
  Twice out;
  std::vector<std::string> names;
  for (size_t m = 0; m < maker->members(); ++m) names.push_back(Member(m));
  out.Add(absl::StrCat("package p\ndomain d\nrole R in d\nenum E { ", absl::StrJoin(names, ", "), " }\n"));
  maker->Declare(&out);
  std::vector<std::pair<std::string, std::string>> with, without;
  maker->Fields(&with, &without);
  out.Add("workflow W by id: string max 9 {\n");
  out.Add(FieldLines(with), FieldLines(without));
  out.Add("  states done\n  open: -> done sets ");
  out.Add(SetNames(with), SetNames(without));
  out.Add("\n}\nauthority R { may open on W when ");
  maker->Condition(&out);
  out.Add(" }\n");
  for (size_t r = 0; r < kRules; ++r) {
    const bool unless = random->OneIn(3);
    out.Add(absl::StrCat("rule r", r, " in d\n  deny open on W ", unless ? "unless " : "when "));
    maker->Condition(&out);
    out.Add("\n");
  }
  out.Add("rule a in d\n  allow open on W overrides r0, r1\n  when ");
  maker->Condition(&out);
  out.Add("\n");
  return out;
}

// A policy in memory, and an empty world of it.
class Compiled {
 public:
  // What is wrong with the text, or nothing.
  std::string Compile(const std::string& text) {
    source::SourceSet sources;
    diagnostics::Sink sink;
    if (!sources.AddText("p.writ", text).ok()) return "the text cannot be read";
    const std::vector<ast::File> files = load::Load(sources, sink);
    const typed::Program typed = check::Check(files, sources, sink);
    lower::Lowered lowered;
    if (!sink.has_errors()) lowered = lower::Lower(typed, &sink);
    if (sink.has_errors()) {
      std::string told;
      for (const diagnostics::Diagnostic& d : sink.Take()) told += diagnostics::RenderText(sources, d, false);
      return told;
    }
    policy_ = eval::MakePolicy(std::move(lowered.program));
    world_ = std::make_unique<World>(policy_.get());
    const std::vector<Workflow>& workflows = policy_->schema().workflows;
    const auto at = std::find_if(workflows.begin(), workflows.end(), [](const Workflow& w) { return w.qualified == "p.W"; });
    workflow_ = WorkflowId(static_cast<size_t>(at - workflows.begin()));
    return "";
  }

  // Its outcome and what spoke, in words.
  std::string Decide(const std::map<std::string, store::Value>& fields, SugarCounts* counts) {
    const Schema& schema = policy_->schema();
    const Workflow& workflow = schema.workflows[workflow_.value];
    Proposal proposal;
    proposal.workflow = workflow_;
    proposal.transition = TransitionId(0u);
    proposal.key = "k";
    proposal.key_parts = {store::Value("k")};
    for (const SetField& set : workflow.transitions[0].sets) proposal.sets.push_back(fields.at(workflow.fields[set.field.value].name));
    proposal.actor.id = proposal.actor.principal = "a";
    proposal.actor.role = RoleId(0u);
    proposal.actor.holds_role = proposal.actor.is_active = true;
    const FunctionId id = workflow.transitions[0].decide;
    const Function& function = schema.functions[id.value];
    FillFrame(*world_, function, proposal, &frame_, nullptr);
    policy_->Decide(id, frame_.words(), &raw_);
    std::vector<std::string> applied, unknown, allows;
    const auto name = [&](RuleId rule) { return schema.rules[rule.value].qualified; };
    for (uint16_t i = 0; i < raw_.applied_count; ++i) applied.push_back(name(function.restraints[raw_.applied[i]].rule));
    for (uint16_t i = 0; i < raw_.allow_count; ++i) allows.push_back(name(function.allows[raw_.allows[i]].rule));
    for (uint16_t i = 0; i < raw_.indeterminate_count; ++i) {
      const size_t n = raw_.indeterminate[i];
      const bool restrains = n < function.restraints.size();
      unknown.push_back(name(restrains ? function.restraints[n].rule : function.allows[n - function.restraints.size()].rule));
    }
    for (std::vector<std::string>* list : {&applied, &unknown, &allows}) std::sort(list->begin(), list->end());
    ++counts->compared;
    counts->applied += !applied.empty();
    counts->unknown += !unknown.empty();
    return absl::StrCat(static_cast<int>(raw_.outcome), " applied [", absl::StrJoin(applied, " "), "] allows [",
                        absl::StrJoin(allows, " "), "] unknown [", absl::StrJoin(unknown, " "), "]");
  }

 private:
  std::unique_ptr<CompiledPolicy> policy_;
  std::unique_ptr<World> world_;
  WorkflowId workflow_;
  Frame frame_;
  RawDecision raw_;
};

std::unique_ptr<Maker> MakerOf(int sugar, Random* random) {
  if (sugar == 0) return std::make_unique<TableMaker>(random);
  if (sugar == 1) return std::make_unique<PerMaker>(random);
  return std::make_unique<UnitMaker>(random);
}

}  // namespace

std::string TellApart(int sugar, uint64_t seed, int proposals, SugarCounts* counts) {
  Random random(seed * 4 + static_cast<uint64_t>(sugar));
  const std::unique_ptr<Maker> maker = MakerOf(sugar, &random);
  const Twice policies = PoliciesOf(maker.get(), &random);
  const std::string both = absl::StrCat("\n--- with\n", policies.with, "\n--- without\n", policies.without);
  const auto told = [&](const std::string& what) { return absl::StrCat("seed ", seed, ", ", kSugars[sugar], ": ", what, both); };
  Compiled with, without;
  if (const std::string wrong = with.Compile(policies.with); !wrong.empty()) return told(wrong);
  if (const std::string wrong = without.Compile(policies.without); !wrong.empty()) return told(wrong);
  SugarCounts ignored;
  for (int i = 0; i < proposals; ++i) {
    Pair pair;
    maker->Draw(&random, &pair);
    const std::string one = with.Decide(pair.with, counts), other = without.Decide(pair.without, &ignored);
    if (one != other) return told(absl::StrCat("proposal ", i, "\n  with:    ", one, "\n  without: ", other));
  }
  return "";
}

}  // namespace writ::agreement
