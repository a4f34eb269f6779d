// What comes in: a line as it was written, before anybody looked at the schema; and what goes out, before anybody prints it.
//
// Whoever reads a format (JSON, a protocol, a test) makes these; they hold names and plain values, no ids and no units.
// Threads   plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "runtime/decision/schema.h"
#include "runtime/registry/registry.h"
#include "runtime/store/event.h"

namespace writ {

// A tree as JSON has it, without fractions: "2400000 USD", "38%", "4h" and RFC 3339 times are texts.
struct InputMember;
struct Input {
  using List = std::vector<Input>;
  using Object = std::vector<InputMember>;   // in written order; a name that is there twice is refused

  Input() = default;                         // absent
  Input(bool b) : v(b) {}                    // NOLINT: a literal is an input
  Input(int64_t integer) : v(integer) {}     // NOLINT
  Input(int integer) : v(int64_t{integer}) {}  // NOLINT
  Input(std::string text) : v(std::move(text)) {}  // NOLINT
  Input(const char* text) : v(std::string(text)) {}  // NOLINT
  Input(List list) : v(std::move(list)) {}   // NOLINT
  inline Input(Object object);               // NOLINT

  bool absent() const { return std::holds_alternative<std::monostate>(v); }

  std::variant<std::monostate, bool, int64_t, std::string, List, Object> v;
};
struct InputMember {
  std::string name;
  Input value;
};
inline Input::Input(Object object) : v(std::move(object)) {}

// One line.
struct Submission {
  enum class Kind : uint8_t {
    kAgent,    // agent
    kSet,      // workflow: an entity; on, sets
    kPropose,  // transition, on, sets, payload
    kAnswer,   // yes; on or question, role
    kTick,     // at_ns
    kSpent,    // task, cost, tokens: what the host has metered
  } kind = Kind::kPropose;

  ActorDescription agent;                    // kAgent
  Input attributes;                          // an object: those of `agent`, or of `inline_actor`; absent: none

  std::string transition;                    // kPropose
  std::string workflow;                      // name or qualified; may be empty where only one has that transition
  Input on;                                  // the key: one scalar, or an object for a compound key
  Input sets, payload;                       // objects; absent: none
  bool yes = false;                          // kAnswer
  int64_t question = 0;                      // kAnswer: its number; 0: the open one on `on`
  std::string to;                            // kAnswer: the role that was asked; may be empty where that is clear

  std::string by;                            // a registered actor's id …
  std::optional<ActorDescription> inline_actor;  // … or an actor that is written inline (then `by` is not looked at)
  std::string under;                         // the grant that it is made under, or empty
  std::string task;                          // kSpent: the task's id, or the position that opened it where it opened one alone
  std::string cost;                          // kSpent: "1.20 USD", or empty
  int64_t tokens = 0;                        // kSpent
  std::string as;                            // role, name or qualified; empty: see semantics.md, "One proposal"
  std::optional<int64_t> at_ns;              // ClockMode::kGiven: the time; none: that of the last position
  std::string claimed_time;                  // ClockMode::kLive: as the proposer wrote it; recorded, never read
  std::string idempotency_key;
  std::optional<int64_t> seen;
  std::vector<int64_t> based_on;
  std::optional<bool> happened;              // what the outside made of it; recorded
  bool by_host = false;                      // kSpent: LineOf made it; whatever reads lines leaves it as it is
};

// What the host has metered of a task, on top of what the task had spent before.
struct Metered {
  std::string task;                          // its id, or the position that opened it where it opened one alone
  std::string cost;                          // "1.20 USD", in the currency that its plan is bounded in; or empty
  int64_t tokens = 0;
  std::string idempotency_key;               // the same again is not counted again
  std::optional<int64_t> at_ns;              // ClockMode::kGiven: the time; none: that of the last position
};

// The host's own line, which is taken whether input is trusted or not.
inline Submission LineOf(const Metered& metered) {
  Submission line;
  line.kind = Submission::Kind::kSpent;
  line.task = metered.task;
  line.cost = metered.cost;
  line.tokens = metered.tokens;
  line.idempotency_key = metered.idempotency_key;
  line.at_ns = metered.at_ns;
  line.by_host = true;
  return line;
}

// One position, in names only.
struct DecisionRecord {
  int64_t position = 0;
  store::EventKind kind = store::EventKind::kPropose;
  std::string workflow;                      // qualified; of the asked instance for an answer
  std::string on;
  std::string proposal;                      // the transition; "yes" or "no"; "conclude" where a review concludes nothing
  std::string by, as;
  int64_t question = 0;                      // kAnswer: the question's number
  Outcome outcome = Outcome::kPermit;
  std::string state;                         // afterwards; "new" while there is none
  std::vector<std::string> reasons;          // qualified, sorted
  std::vector<store::Excused> excused;
  std::vector<store::AskedQuestion> questions;  // `to` is the role's short name where that is unique
  std::vector<store::Awaited> awaits;           // so is `by`
  std::vector<store::Obligation> obligations;
  std::vector<store::Indeterminate> indeterminate;
  std::vector<store::OpenedTask> tasks;         // so is `role`
  std::string under;                         // the grant that it was made under, or empty
  std::string policy;
  int64_t at_ns = 0;
  int64_t cause = 0;                         // the position that it follows from, or 0
  bool repeated = false;                     // the answer to an idempotency key that was used before; nothing was committed
};

}  // namespace writ
