// Watches a log for what must never be: the properties of a policy, over the events that its orchestrator committed; and
// tells what tests ask about an instance.
//
// It folds every event itself, by a program that also keeps what properties and tests look at (lower::Purpose::kTests): the
// policy that is tested is the one that will govern.
// Threads   one.
// Cost      an event: its fold, one interpreted decision where a property speaks of its transition, and each `always`.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "compiler/typed/typed.h"
#include "runtime/decision/decision.h"
#include "runtime/frame/frame.h"
#include "runtime/orchestrator/folded.h"
#include "runtime/store/event.h"

namespace writ::policy_test {

// A program's kTests form.
struct Watching {
  std::unique_ptr<CompiledPolicy> policy;
  std::map<const typed::Expr*, FunctionId> truths;  // lower::Lowered::truths
};

struct Violation {
  size_t property = 0;                       // typed::Program::properties
  int64_t position = 0;                      // of the event that broke it; kWithin: of the one that was to be followed
  std::string text;                          // "approve by CFO on d-1", "nothing within 96h of …"
  bool operator==(const Violation&) const = default;
};

class Observer {
 public:
  // Both must outlive it.
  Observer(const typed::Program* program, const Watching* watching);

  // The next event of the log. What it breaks is added to `violations`, in the order of properties.
  absl::Status See(const store::Event& event, std::vector<Violation>* violations);
  // What a test takes for granted.
  void Assume(const Assumption& assumption, int64_t now_ns) { folded_->Assume(assumption, now_ns); }
  // No further event comes before this time.
  void PassTo(int64_t now_ns, std::vector<Violation>* violations);

  const World& world() const { return folded_->world(); }
  // How often there was something that a property speaks of, whether its guard was true or not: by typed::Program::properties.
  const std::vector<int64_t>& occasions() const { return occasions_; }
  // Whether the transition that the function decides is one that the property speaks of.
  static bool SpeaksOf(const typed::Property& property, const Function& function);
  // Whether a condition of the program's tests or properties holds of an instance; nothing: something in it is unknown or
  // absent.
  std::optional<bool> Holds(const typed::Expr& condition, const Instance& instance, int64_t now_ns);

 private:
  struct Awaited { int64_t due_ns; size_t property; WorkflowId workflow; std::string key; int64_t position; };

  void SeeProposal(const store::Event& event, const Proposal& proposal, std::vector<Violation>* violations);
  void SeeInstance(const store::Event& event, const Proposal& proposal, std::vector<Violation>* violations);
  bool Applies(const typed::Property& property, const Function& function) const;

  const typed::Program* program_;
  const Watching* watching_;
  const CompiledPolicy* policy_;
  std::unique_ptr<Folded> folded_;
  std::vector<bool> watched_;                // by FunctionId: a property has a row in it
  std::vector<int64_t> occasions_;
  std::vector<Awaited> awaited_;             // in the order of their events
  Frame frame_;
  std::vector<int64_t> out_;
  std::unique_ptr<RawDecision> decision_ = std::make_unique<RawDecision>();
};

}  // namespace writ::policy_test
