// Events for tests: one with everything, and random ones. No part of the library.
#pragma once

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/store/event.h"

namespace writ::store {

// Every field differs from its default.
inline Event FullEvent() {
  Event e;
  e.position = 9;
  e.time_ns = 1'772'442'420'000'000'000;
  e.workflow = "acme.deals.Deal";
  e.instance = "d-1";
  e.stream_version = 4;
  e.kind = EventKind::kConclude;
  e.transition = "approve";
  e.read_set = {{"acme.crm.Customer/c-17", 2}, {"writ.Agent/desk-1", 1}};
  e.actor = "orchestrator";
  e.actor_registration = R"({"id":"pricing-1","roles":["Pricing"]})";
  e.role = "orchestrator";
  e.on_behalf = "desk-1";
  e.sets = {{"amount", Value(240'000'000), false, false}, {"name", Value("Initech"), true, false}};
  e.payload = {{"confidence", Value(920'000), false, false},
               {"lines", Value(Value::List{Value(), Value(-3), Value(Value::List{Value("a"), Value("")})}), false, false},
               {"note", Value("call Ms Adams"), true, false}};
  e.seen = 5;
  e.based_on = {3, 7};
  e.claimed_time = "2026-03-02T09:05:00Z";
  e.idempotency_key = "d-1/submit/1";
  e.cause = 8;
  e.question = 6;
  e.question_role = "acme.deals.CFO";
  e.review = "review";
  e.clause = "worried";
  e.recorded = Recorded::kHappened;
  e.erased = {{2, {0, 3}}, {4, {}}};
  e.policy_digest = "sha256:0123";
  Decision& d = e.decision;
  d.outcome = Outcome::kEscalate;
  d.reasons = {"acme.deals.Deal.review.worried", "acme.deals.large_discount"};
  d.excused = {{"acme.deals.cap", "acme.deals.waiver"}};
  d.questions = {{9, "CFO", 1'772'456'820'000'000'000, "block", {"acme.deals.large_discount"}, {"ab"}, 2, true}};
  d.awaits = {{"submit", "Desk", 1'772'456'820'000'000'000, "deny", "acme.deals.wait", 1}};
  d.obligations = {{"notify", "acme.deals.tell", R"({"who":"legal"})"}};
  d.indeterminate = {{"acme.deals.score", "deals.writ", 41, 7}};
  d.state = "review";
  e.function = "acme.deals.Deal.approve";
  e.frame = std::string("\0\1\2frame", 8);
  e.frame_private = {{"Initech", false}, {"", false}};
  e.request_digest = std::string(32, '\x5a');
  return e;
}

class EventGenerator {
 public:
  explicit EventGenerator(uint64_t seed) : random_(seed) {}

  uint64_t Below(uint64_t n) { return random_() % n; }
  std::string Text() {
    std::string text(Below(4) == 0 ? Below(300) : Below(12), 'x');
    for (char& c : text) c = static_cast<char>(Below(256));
    return text;
  }
  int64_t Number() { return static_cast<int64_t>(random_()) >> Below(64); }
  Value AnyValue(uint32_t depth = 0) {
    switch (Below(depth < 4 ? 5 : 3)) {
      case 0: return Value();
      case 1: return Value(Number());
      case 2: return Value(Text());
      default: {
        Value::List list(Below(4));
        for (Value& element : list) element = AnyValue(depth + 1);
        return Value(std::move(list));
      }
    }
  }
  std::vector<std::string> Texts() {
    std::vector<std::string> texts(Below(4));
    for (std::string& text : texts) text = Text();
    return texts;
  }
  std::vector<NamedValue> NamedValues(bool erasable) {
    std::vector<NamedValue> values(Below(5));
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = {std::string(1, static_cast<char>('a' + i)) + Text(), AnyValue(), erasable && Below(3) == 0, false};
    }
    return values;
  }
  bool Coin() { return Below(2) == 0; }

  // Any event that can be encoded; about half of its fields have their default.
  Event AnyEvent() {
    Event e;
    const bool erasable = Coin();
    e.position = 1 + static_cast<int64_t>(Below(1'000'000));
    e.stream_version = 1 + static_cast<int64_t>(Below(1000));
    e.time_ns = Number();
    e.workflow = Text();
    e.instance = Text();
    if (Coin()) e.kind = static_cast<EventKind>(Below(8));
    for (std::string* text : {&e.transition, &e.actor, &e.actor_registration, &e.role, &e.on_behalf, &e.claimed_time,
                              &e.idempotency_key, &e.question_role, &e.policy_digest, &e.function, &e.frame,
                              &e.request_digest, &e.review, &e.clause, &e.decision.state}) {
      if (Coin()) *text = Text();
    }
    for (int64_t* n : {&e.seen, &e.cause, &e.question}) {
      if (Coin()) *n = Number();
    }
    for (uint64_t i = Below(4); i > 0; --i) e.read_set.push_back({"s" + std::to_string(i), Number()});
    for (uint64_t i = Below(4); i > 0; --i) e.based_on.push_back(Number());
    for (uint64_t i = Below(3); i > 0; --i) {
      e.erased.push_back({static_cast<int64_t>(i), std::vector<uint32_t>(Below(3), static_cast<uint32_t>(Below(9)))});
    }
    e.sets = NamedValues(erasable);
    e.payload = NamedValues(erasable);
    if (erasable) e.frame_private.resize(Below(3), {Text(), false});
    e.recorded = static_cast<Recorded>(Below(3));
    if (Coin()) e.decision = AnyDecision();
    return e;
  }
  Decision AnyDecision() {
    Decision d;
    d.outcome = static_cast<Outcome>(Below(4));
    d.reasons = Texts();
    for (uint64_t i = Below(3); i > 0; --i) d.excused.push_back({Text(), Text()});
    for (uint64_t i = Below(3); i > 0; --i) {
      d.questions.push_back({Number(), Text(), Number(), Text(), Texts(), {}, static_cast<uint32_t>(random_()), Coin()});
      if (Coin()) d.questions.back().rule_digests.resize(d.questions.back().rules.size(), Text());
    }
    for (uint64_t i = Below(3); i > 0; --i) {
      d.awaits.push_back({Text(), Text(), Number(), Text(), Text(), static_cast<uint32_t>(random_())});
    }
    for (uint64_t i = Below(3); i > 0; --i) d.obligations.push_back({Text(), Text(), Text()});
    for (uint64_t i = Below(3); i > 0; --i) {
      d.indeterminate.push_back({Text(), Text(), static_cast<uint32_t>(random_()), static_cast<uint32_t>(Below(200))});
    }
    for (uint64_t i = Below(3); i > 0; --i) d.tasks.push_back(AnyTask());
    return d;
  }
  OpenedTask AnyTask() {
    OpenedTask task;
    for (std::string* text : {&task.id, &task.name, &task.element, &task.role, &task.workflow, &task.does, &task.otherwise,
                              &task.rule, &task.parent, &task.on, &task.assignee}) {
      if (Coin()) *text = Text();
    }
    for (int64_t* n : {&task.until_ns, &task.cost, &task.tokens}) {
      if (Coin()) *n = Number();
    }
    if (Coin()) task.ladder = static_cast<uint32_t>(random_());
    for (std::vector<std::string>* texts : {&task.after, &task.granting, &task.needs}) *texts = Texts();
    return task;
  }

 private:
  std::mt19937_64 random_;
};

// Gives the salts of private bytes that exist already, so that an event can be encoded again to the same bytes.
class SaltsOf : public RandomSource {
 public:
  explicit SaltsOf(std::string_view private_bytes) : rest_(private_bytes) {}
  void Fill(uint8_t* bytes, size_t size_bytes) override {
    rest_.remove_prefix(1);  // kind: present
    rest_.copy(reinterpret_cast<char*>(bytes), size_bytes);
    rest_.remove_prefix(size_bytes);
    uint64_t value_bytes = 0;
    for (int shift = 0;; shift += 7) {
      const uint8_t byte = static_cast<uint8_t>(rest_[0]);
      rest_.remove_prefix(1);
      value_bytes |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) break;
    }
    rest_.remove_prefix(value_bytes);
  }

 private:
  std::string_view rest_;
};

// What every reader must keep to, whatever it is given: no crash, and what it takes it would write again just so.
// Empty, or what is wrong.
inline std::string CheckReader(std::string_view bytes, std::string_view private_bytes) {
  const absl::StatusOr<std::vector<bool>> erased = ErasedValues(private_bytes);
  absl::StatusOr<Event> trusted = DecodeEvent(bytes, private_bytes, PrivateCheck::kTrust);
  absl::StatusOr<Event> checked = DecodeEvent(bytes, private_bytes, PrivateCheck::kDigest);
  if (checked.ok() && !trusted.ok()) return "taken only with its digests checked";
  if (!checked.ok()) return "";
  if (!DecodeHeader(bytes).ok()) return "the header alone is refused";
  if (!erased.ok() || erased->size() != ErasableCount(*checked)) return "its erasable values are not counted alike";
  for (bool gone : *erased) {
    if (gone) return "";
  }
  SaltsOf salts(private_bytes);
  const absl::StatusOr<EncodedEvent> again = EncodeEvent(&*checked, &salts);
  if (!again.ok()) return "what was read cannot be written: " + std::string(again.status().message());
  if (again->bytes != bytes) return "two byte strings for one event";
  if (again->private_bytes != private_bytes) return "two private byte strings for one event";
  return "";
}

}  // namespace writ::store
