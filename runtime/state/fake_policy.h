// A policy for tests: a schema that is made by hand, and folds that are C++ functions.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runtime/decision/decision.h"
#include "runtime/state/state.h"

namespace writ {

class FakePolicy : public CompiledPolicy {
 public:
  explicit FakePolicy(Schema schema) : schema_(std::move(schema)) {}

  const Schema& schema() const override { return schema_; }
  const std::string& digest() const override { return digest_; }
  std::string_view ir() const override { return ""; }
  void Decide(FunctionId, const int64_t*, RawDecision*) const override {}
  void Evaluate(FunctionId function, const int64_t* frame, int64_t* out) const override {
    evaluate.at(function.value)(frame, out);
  }

  Schema* mutable_schema() { return &schema_; }
  std::map<uint32_t, std::function<void(const int64_t*, int64_t*)>> evaluate;  // by FunctionId

 private:
  Schema schema_;
  std::string digest_ = "sha256:fake";
};

inline TypeId AddType(Schema* schema, Type type) {
  schema->types.push_back(type);
  return TypeId(schema->types.size() - 1);
}

inline Field MakeField(std::string name, TypeId type) {
  Field field;
  field.name = std::move(name);
  field.type = type;
  return field;
}

// A small world:
//
//   entity Customer by id: string max 40 { name: string max 20  score: int in 300..850  home: Customer? }
//   entity Rate by from: string max 8, day: date { factor: percent }
//   workflow Deal by id: string max 40 {
//     amount: money(USD) in 0..1000.00  customer: Customer?  flags: set<Color>  legs: list<Leg> max 4  tags: set<string> max 3
//     note: string? max 20
//     states draft, review, done
//     open: -> draft sets amount, customer?, flags?, legs?, tags?     submit: draft -> review
//     amend: in review sets amount?    assess: in review { stance: Stance }    again: review -> review    close: review -> done
//   }
//   record Leg { to: string max 10  price: int  stops: list<int> max 3  airport: Customer? }
//   review on Deal in review { panel Pricing, Voter 2 of 3 by assess.stance … }
struct SmallWorld {
  Schema schema;
  TypeId text, text20, optional_text, score, amount, customer, optional_customer, color, flags, stance, leg, legs, stops,
      number, tags, percent, date, time, duration, boolean, role;
  WorkflowId customers{0}, deals{1}, rates{2};
  TransitionId open{0}, submit{1}, amend{2}, assess{3}, again{4}, close{5};
  StateId draft{0}, in_review{1}, done{2};
  RoleId pricing{0}, voter{1}, desk{2};
  enum DealField : uint32_t { kAmount, kCustomer, kFlags, kLegs, kTags, kNote };

  SmallWorld() {
    AddTypes();
    AddCustomer();
    AddDeal();
    AddRate();
  }

  // A function of Deal with the frame `layout`; gives its id.
  FunctionId AddFunction(FunctionKind kind, TransitionId subject, FrameLayout layout) {
    Function function;
    function.name = "f" + std::to_string(schema.functions.size());
    function.kind = kind;
    function.workflow = deals;
    function.subject = subject.value;
    function.frame = std::move(layout);
    schema.functions.push_back(function);
    return FunctionId(schema.functions.size() - 1);
  }

  Proposal Propose(TransitionId transition, std::string key, int64_t now_ns, std::string actor = "ann") const {
    Proposal proposal;
    proposal.workflow = deals;
    proposal.transition = transition;
    proposal.key = key;
    proposal.key_parts = {Value(std::move(key))};
    proposal.sets.resize(schema.workflows[deals.value].transitions[transition.value].sets.size());
    proposal.payload.resize(schema.workflows[deals.value].transitions[transition.value].payload.size());
    proposal.actor.id = std::move(actor);
    proposal.actor.principal = "acme";
    proposal.actor.role = desk;
    proposal.now_ns = now_ns;
    return proposal;
  }

  Proposal SetCustomer(std::string key, Value name, Value score_value, Value home, int64_t now_ns) const {
    Proposal proposal;
    proposal.workflow = customers;
    proposal.transition = TransitionId(0);
    proposal.key = key;
    proposal.key_parts = {Value(std::move(key))};
    proposal.sets = {std::move(name), std::move(score_value), std::move(home)};
    proposal.now_ns = now_ns;
    return proposal;
  }

 private:
  static Type Make(TypeKind kind) {
    Type type;
    type.kind = kind;
    return type;
  }
  TypeId Add(Type type) { return AddType(&schema, type); }
  TypeId Text(uint32_t capacity, bool optional = false) {
    Type type = Make(TypeKind::kString);
    type.capacity = capacity;
    type.optional = optional;
    return Add(type);
  }
  TypeId Indexed(TypeKind kind, uint32_t index, bool optional = false) {
    Type type = Make(kind);
    type.index = index;
    type.optional = optional;
    return Add(type);
  }
  TypeId Collection(TypeKind kind, TypeId element, uint32_t capacity) {
    Type type = Make(kind);
    type.element = element;
    type.capacity = capacity;
    return Add(type);
  }

  void AddTypes() {
    schema.currencies = {{"JPY", 0}, {"USD", 2}};
    schema.enums = {{"Color", false, {{"red", ""}, {"green", ""}, {"blue", "light blue"}}},
                    {"Stance", false, {{"approve", ""}, {"reject", ""}}}};
    schema.roles.resize(3);
    schema.roles[0].name = "Pricing", schema.roles[0].qualified = "acme.Pricing";
    schema.roles[1].name = "Voter", schema.roles[1].qualified = "acme.Voter";
    schema.roles[2].name = "Desk", schema.roles[2].qualified = "acme.Desk";
    text = Text(40);
    text20 = Text(20);
    optional_text = Text(20, true);
    Type range = Make(TypeKind::kInt);
    range.min = 300, range.max = 850;
    score = Add(range);
    number = Add(Make(TypeKind::kInt));
    Type money = Make(TypeKind::kMoney);
    money.index = 1, money.min = 0, money.max = 100'000;
    amount = Add(money);
    customer = Indexed(TypeKind::kReference, 0);
    optional_customer = Indexed(TypeKind::kReference, 0, true);
    color = Indexed(TypeKind::kEnum, 0);
    stance = Indexed(TypeKind::kEnum, 1);
    flags = Collection(TypeKind::kSet, color, 2);
    stops = Collection(TypeKind::kList, number, 3);
    tags = Collection(TypeKind::kSet, text20, 3);
    percent = Add(Make(TypeKind::kPercent));
    date = Add(Make(TypeKind::kDate));
    time = Add(Make(TypeKind::kTime));
    duration = Add(Make(TypeKind::kDuration));
    boolean = Add(Make(TypeKind::kBool));
    role = Add(Make(TypeKind::kRole));
    schema.records = {{"Leg", {MakeField("to", Text(10)), MakeField("price", number), MakeField("stops", stops),
                               MakeField("airport", optional_customer)}}};
    leg = Indexed(TypeKind::kRecord, 0);
    Type list = Make(TypeKind::kList);
    list.element = leg, list.capacity = 4, list.key = FieldId(0);
    legs = Add(list);
  }

  void AddCustomer() {
    Workflow workflow;
    workflow.name = "Customer", workflow.qualified = "acme.Customer", workflow.is_entity = true;
    workflow.key = {MakeField("id", text)};
    workflow.fields = {MakeField("name", text20), MakeField("score", score), MakeField("home", optional_customer)};
    workflow.states = {{"known"}};
    Transition set;
    set.name = "set", set.sources = {kNewState, StateId(0)}, set.target = StateId(0);
    set.sets = {{FieldId(0)}, {FieldId(1)}, {FieldId(2), true}};
    workflow.transitions = {set};
    schema.workflows.push_back(workflow);
  }

  static Transition MakeTransition(std::string name, StateId source, StateId target) {
    Transition transition;
    transition.name = std::move(name);
    transition.sources = {source};
    transition.target = target;
    return transition;
  }

  void AddDeal() {
    Workflow workflow;
    workflow.name = "Deal", workflow.qualified = "acme.Deal";
    workflow.key = {MakeField("id", text)};
    workflow.fields = {MakeField("amount", amount), MakeField("customer", optional_customer), MakeField("flags", flags),
                       MakeField("legs", legs), MakeField("tags", tags), MakeField("note", optional_text)};
    workflow.states = {{"draft"}, {"review"}, {"done", true}};
    workflow.transitions = {MakeTransition("open", kNewState, draft), MakeTransition("submit", draft, in_review),
                            MakeTransition("amend", in_review, StateId()), MakeTransition("assess", in_review, StateId()),
                            MakeTransition("again", in_review, in_review), MakeTransition("close", in_review, done)};
    workflow.transitions[0].sets = {{FieldId(kAmount)}, {FieldId(kCustomer), true}, {FieldId(kFlags), true},
                                    {FieldId(kLegs), true}, {FieldId(kTags), true}};
    workflow.transitions[2].stays = workflow.transitions[3].stays = true;
    workflow.transitions[2].sets = {{FieldId(kAmount), true}};
    workflow.transitions[3].payload = {MakeField("stance", stance)};
    Review review;
    review.state = in_review;
    review.verdict = assess;
    review.stance = FieldId(0);
    review.seats = {{pricing, 1, 1}, {voter, 2, 3}};
    workflow.reviews = {review};
    schema.workflows.push_back(workflow);
  }

  void AddRate() {
    Workflow workflow;
    workflow.name = "Rate", workflow.qualified = "acme.Rate", workflow.is_entity = true;
    workflow.key = {MakeField("from", Text(8)), MakeField("day", date)};
    workflow.fields = {MakeField("factor", percent)};
    workflow.states = {{"known"}};
    Transition set;
    set.name = "set", set.sources = {kNewState, StateId(0)}, set.target = StateId(0);
    set.sets = {{FieldId(0)}};
    workflow.transitions = {set};
    schema.workflows.push_back(workflow);
  }
};

}  // namespace writ
